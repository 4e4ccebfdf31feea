#include "redis/script.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/bytes.hpp"
#include "redis/command.hpp"

namespace dialogstore::redis {
namespace {

constexpr std::size_t header_start_bytes = 20;  // what the script answers of the last row

std::string sha1_of(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1) {
    // Without SHA-1 (a policy may forbid it) the server would not know the name: it answers
    // NOSCRIPT, and the text goes along with every call.
    return std::string(40, '0');
  }
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (unsigned i = 0; i < size; ++i) {
    out += digits[digest[i] >> 4U];
    out += digits[digest[i] & 0xFU];
  }
  return out;
}

std::optional<std::chrono::milliseconds> time_in(const ReplyNode& reply) {
  if (reply.elements.size() < 2 || reply.elements[1].kind != ReplyKind::integer) {
    return std::nullopt;
  }
  return std::chrono::milliseconds(reply.elements[1].integer);
}

std::optional<ScriptAnswer> read_header_answer(const ReplyNode& reply, SaveAnswer answer) {
  if (reply.elements.size() != 2 || reply.elements[1].kind != ReplyKind::string ||
      reply.elements[1].text.size() != header_start_bytes) {
    return std::nullopt;
  }
  ScriptAnswer out;
  out.answer = answer;
  out.last_header = reply.elements[1].text;
  return out;
}

void put_48_bits(ByteWriter& out, std::chrono::milliseconds time) {
  constexpr std::int64_t largest = (std::int64_t{1} << 48) - 1;
  const std::int64_t number = std::clamp<std::int64_t>(time.count(), 0, largest);
  out.u32(static_cast<std::uint32_t>(number >> 16));
  out.u16(static_cast<std::uint16_t>(number & 0xFFFF));
}

constexpr std::size_t head_bytes = 18;  // and the base

/// The first argument, as save.lua takes it apart.
void append_head(std::string& request, const format::SaveRequest& save, const SaveCopy& copy) {
  ByteWriter out(request);
  out.u8(static_cast<std::uint8_t>(save.op));
  if (copy.tracked) {
    out.u8(copy.first ? '3' : '4');
  } else {
    out.u8(copy.first ? '1' : '2');
  }
  put_48_bits(out, copy.ttl);
  put_48_bits(out, copy.fence);
  out.u32(static_cast<std::uint32_t>(save.n));
  out.bytes(save.base);
}

}  // namespace

Script::Script(std::string_view text) : text_(text), sha1_(sha1_of(text)) {}

std::string Script::request(ScriptForm form, std::string_view key,
                            std::span<const std::string_view> arguments) const {
  std::vector<std::string_view> all;
  all.reserve(4 + arguments.size());
  if (form == ScriptForm::by_name) {
    all.insert(all.end(), {"EVALSHA", sha1_, "1", key});
  } else {
    all.insert(all.end(), {"EVAL", text_, "1", key});
  }
  all.insert(all.end(), arguments.begin(), arguments.end());
  return encode_command(all);
}

std::string Script::request(ScriptForm form, std::string_view key,
                            std::initializer_list<std::string_view> arguments) const {
  return request(form, key, std::span(arguments.begin(), arguments.size()));
}

std::string Script::request_for(std::span<const std::string_view> keys) const {
  const auto count = std::to_string(keys.size());
  std::vector<std::string_view> all{"EVAL", text_, count};
  all.insert(all.end(), keys.begin(), keys.end());
  return encode_command(all);
}

const Script& save_script() {
  static const Script script(script_texts::save);
  return script;
}

const Script& touch_read_script() {
  static const Script script(script_texts::touch_read);
  return script;
}

const Script& list_script() {
  static const Script script(script_texts::list);
  return script;
}

const Script& unlist_script() {
  static const Script script(script_texts::unlist);
  return script;
}

const Script& probe_script() {
  static const Script script(script_texts::probe);
  return script;
}

const Script& presences_script() {
  static const Script script(script_texts::presences);
  return script;
}

const Script& dff_swap_script() {
  static const Script script(script_texts::dff_swap);
  return script;
}

const Script& replicate_script() {
  static const Script script(script_texts::replicate);
  return script;
}

std::string value_digest(std::string_view value) {
  constexpr std::size_t digest_digits = 16;
  return sha1_of(value).substr(0, digest_digits);
}

std::string save_request(std::string_view name, const format::SaveRequest& save,
                         const SaveCopy& copy) {
  const bool by_name = copy.form == ScriptForm::by_name;
  const std::string_view script = by_name ? save_script().sha1() : save_script().text();
  const std::size_t head = head_bytes + save.base.size();
  std::size_t bytes = script.size() + name.size() + head + 16;
  for (const std::string& row : save.rows) bytes += row.size();
  CommandWriter out(5 + save.rows.size(), bytes);
  out.add(by_name ? "EVALSHA" : "EVAL").add(script).add("1").add(name);
  append_head(out.begin(head), save, copy);
  out.end();
  for (const std::string& row : save.rows) out.add(row);
  return out.take();
}

std::optional<ScriptAnswer> read_save_answer(const ReplyNode& reply) {
  if (reply.kind != ReplyKind::array || reply.elements.empty() ||
      reply.elements[0].kind != ReplyKind::string || reply.elements[0].text.size() != 1) {
    return std::nullopt;
  }
  ScriptAnswer out;
  switch (const char letter = reply.elements[0].text[0]; letter) {
    case 'S':
      out.server_time = time_in(reply);
      [[fallthrough]];
    case 'G':
      out.answer = static_cast<SaveAnswer>(letter);
      return out;
    case 'A':
    case 'C':
    case 'H':
    case 'D':
      return read_header_answer(reply, static_cast<SaveAnswer>(letter));
    case 'L':
      out.server_time = time_in(reply);
      [[fallthrough]];
    case 'F':
    case 'X':
    case 'E':
      out.refusal = static_cast<Refusal>(letter);
      return out;
    default:
      return std::nullopt;
  }
}

}  // namespace dialogstore::redis
