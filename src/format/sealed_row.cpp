#include "format/sealed_row.hpp"

#include <array>
#include <utility>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "dialogstore/limits.hpp"

namespace dialogstore::format {
namespace {

constexpr std::size_t format_at = 1;
constexpr std::size_t before_checksum = header_bytes - 4;

std::string_view text_of(const Nonce& nonce) noexcept {
  return {reinterpret_cast<const char*>(nonce.data()), nonce.size()};
}

/// What stays readable between the header and what is sealed: the tokens of a page.
std::size_t readable_end(std::string_view row) noexcept {
  if (row.front() != static_cast<char>(RowKind::page)) return header_bytes;
  return header_bytes + 2 + std::size_t{ByteReader(row.substr(header_bytes)).u16()} * sizeof(Token);
}

}  // namespace

std::string sealed_text() {
  return "the row is encrypted and no keys were given: open the storage with encrypt=file:PATH or "
         "encrypt=env:NAME";
}

std::optional<SealedBody> split_sealed(std::string_view body) noexcept {
  ByteReader in(body);
  SealedBody out;
  out.key_id = in.bytes(in.u8());
  out.nonce = in.bytes(nonce_bytes);
  out.ciphertext = in.rest();
  const bool is_whole = in.ok() && !out.key_id.empty() && out.key_id.size() <= key_id_bytes &&
                        out.ciphertext.size() >= tag_bytes;
  return is_whole ? std::optional(out) : std::nullopt;
}

RowSealer::RowSealer(std::shared_ptr<const Keyring> keys, std::string name_space)
    : keys_(std::move(keys)), name_space_(std::move(name_space)) {}

/// A key for one context: however many contexts there are, random nonces are drawn for the rows of
/// one of them only.
Aead& RowSealer::cipher(const NamedKey& key, std::string_view context_key) const {
  std::string name = key.id;
  name.append(1, '\0').append(context_key);
  if (auto* known = ciphers_.use(name)) return **known;
  std::string info = "dialogstore row";
  info.push_back('\0');
  info.append(name_space_).push_back('\0');  // which has no zero byte in it
  info.append(context_key);
  Secret derived;
  derive(key.secret, info, derived);
  ciphers_.put(name, std::make_unique<Aead>(derived));
  return **ciphers_.use(name);
}

void RowSealer::seal(std::string_view context_key, std::span<std::string> rows) const {
  const NamedKey& key = keys_->current();
  for (std::string& row : rows) {
    if (row.front() == static_cast<char>(RowKind::tombstone)) continue;
    const std::size_t end = readable_end(row);
    Nonce nonce{};
    fill_random(nonce);
    std::string sealed;
    sealed.reserve(row.size() + 1 + key.id.size() + nonce_bytes + tag_bytes);
    sealed.append(row, 0, end);
    sealed[format_at] = static_cast<char>(sealed_format);
    sealed.push_back(static_cast<char>(key.id.size()));
    sealed.append(key.id);
    const std::string header(sealed, 0, before_checksum);  // sealed grows, and may move
    const std::string rest(sealed, header_bytes);
    sealed.append(text_of(nonce));
    cipher(key, context_key)
        .seal(nonce, std::array<std::string_view, 2>{header, rest},
              std::string_view(row).substr(end), sealed);
    put_checksum(sealed);
    row = std::move(sealed);
  }
}

/// The rows of one context.
class RowSealer::Opener {
 public:
  Opener(const RowSealer& sealer, std::string_view context_key, OpenedRows& out)
      : sealer_(sealer), context_key_(context_key), out_(out) {}

  bool run(std::span<const std::string_view> rows, std::size_t first);

 private:
  bool open(std::size_t number, std::string_view row, const RowView& view);
  bool fail(std::size_t row, errc error, std::string why);

  const RowSealer& sealer_;
  std::string_view context_key_;
  OpenedRows& out_;
  std::shared_ptr<std::string> bytes_;
  std::string row_;
};

bool RowSealer::Opener::fail(std::size_t row, errc error, std::string why) {
  out_.error = error;
  out_.row = row;
  out_.why = std::move(why);
  return false;
}

bool RowSealer::Opener::open(std::size_t number, std::string_view row, const RowView& view) {
  const auto body = split_sealed(view.body);
  if (!body) return fail(number, errc::corrupt, "the encrypted part is shorter than its header");
  const Keyring& keys = *sealer_.keys_;
  const NamedKey* key = keys.find(body->key_id);
  if (key == nullptr) {
    std::string id;
    for (const char c : body->key_id) id.push_back(c > ' ' && c < '\x7f' ? c : '?');
    return fail(number, errc::wrong_key,
                "the row is encrypted with the key \"" + id + "\", which is not among those of " +
                    keys.source() + " (" + keys.names() + "): add its line there");
  }
  const auto nonce_at = static_cast<std::size_t>(body->nonce.data() - row.data());
  const std::array<std::string_view, 2> associated{
      row.substr(0, before_checksum), row.substr(header_bytes, nonce_at - header_bytes)};
  const auto readable = static_cast<std::size_t>(view.body.data() - row.data());
  row_.assign(row.substr(0, readable));
  row_[format_at] = static_cast<char>(format_version);
  if (!sealer_.cipher(*key, context_key_).open(body->nonce, associated, body->ciphertext, row_)) {
    return fail(number, errc::wrong_key,
                "the row does not open with the key \"" + key->id + "\" of " + keys.source() +
                    ": that is another key of the same id, or the row was altered, or it was "
                    "moved here from another key or namespace");
  }
  put_checksum(row_);
  out_.outdated = out_.outdated || key != &keys.current();
  return true;
}

bool RowSealer::Opener::run(std::span<const std::string_view> rows, std::size_t first) {
  std::size_t sum = 0;  // what is opened is never longer than what was sealed
  for (const std::string_view row : rows.subspan(first)) sum += row.size();
  bytes_ = std::make_shared<std::string>();
  bytes_->reserve(sum);
  for (std::size_t number = first; number < rows.size(); ++number) {
    RowView view;
    if (decode_row(rows[number], view) != RowFault::none) continue;
    if (!view.is_sealed()) {
      out_.outdated = out_.outdated || view.header.kind != RowKind::tombstone;
      continue;
    }
    if (!open(number, rows[number], view)) return false;
    const std::size_t at = bytes_->size();
    bytes_->append(row_);
    out_.rows[number] = std::string_view(*bytes_).substr(at);
  }
  out_.bytes = std::move(bytes_);
  return true;
}

OpenedRows RowSealer::open(std::string_view context_key, std::span<const std::string_view> rows,
                           bool everything) const {
  OpenedRows out;
  out.rows.assign(rows.begin(), rows.end());
  RowHeader last;
  std::size_t first = 0;
  if (!everything && !rows.empty() && decode_header(rows.back(), last) == RowFault::none) {
    // Where the keyframe is not among them, the last row says how far to reach for it.
    const std::size_t distance = last.keyframe_distance;
    first = rows.size() - 1 - (distance < rows.size() ? distance : 0);
  }
  Opener(*this, context_key, out).run(rows, first);
  return out;
}

}  // namespace dialogstore::format
