#include "redis/index_entry.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

#include "redis/calls.hpp"

namespace dialogstore::redis {
namespace {

[[noreturn]] void throw_bad_cursor() {
  throw Failure{errc::invalid_argument, "the cursor is not one that a scan of this order returned"};
}

// The next part of a cursor up to a colon; the whole rest when there is none.
std::string_view take_part(std::string_view& text) {
  const auto part = text.substr(0, text.find(':'));
  text.remove_prefix(std::min(part.size() + 1, text.size()));
  return part;
}

template <class Number>
std::optional<Number> parse(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_score(std::string_view text) {
  return parse<double>(text).has_value();
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += digits[byte >> 4U];
    out += digits[byte & 0xFU];
  }
  return out;
}

std::string from_hex(std::string_view text) {
  if (text.size() % 2 != 0) throw_bad_cursor();
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    unsigned byte = 0;
    const auto [end, error] = std::from_chars(text.data() + i, text.data() + i + 2, byte, 16);
    if (error != std::errc{} || end != text.data() + i + 2) throw_bad_cursor();
    out += static_cast<char>(byte);
  }
  return out;
}

}  // namespace

std::vector<IndexEntry> read_entries(const ReplyNode& reply) {
  const auto parts = array_of(reply);
  std::vector<IndexEntry> entries;
  const auto add = [&](const ReplyNode& key, const ReplyNode& score) {
    entries.push_back({std::string(text_of(key)), std::string(text_of(score))});
  };
  const bool are_pairs = !parts.empty() && parts.front().kind == ReplyKind::array;
  entries.reserve(are_pairs ? parts.size() : parts.size() / 2);
  for (std::size_t i = 0; i < parts.size(); i += are_pairs ? 1 : 2) {
    const auto pair = are_pairs ? array_of(parts[i]) : parts.subspan(i);
    if (pair.size() < 2) throw Failure{errc::protocol_error, "a key in an index has no score"};
    add(pair[0], pair[1]);
  }
  return entries;
}

std::vector<std::string> keys_of(const std::vector<IndexEntry>& entries) {
  std::vector<std::string> keys;
  keys.reserve(entries.size());
  for (const auto& entry : entries) keys.push_back(entry.key);
  return keys;
}

double score_value(std::string_view score) {
  return parse<double>(score).value_or(std::numeric_limits<double>::infinity());
}

bool is_before(const IndexEntry& a, const IndexEntry& b) {
  const auto left = score_value(a.score);
  const auto right = score_value(b.score);
  return left != right ? left > right : a.key > b.key;
}

WalkCursor read_walk_cursor(std::string_view text, unsigned shards) {
  if (text.empty()) return {};
  if (take_part(text) != "a") throw_bad_cursor();
  const auto shard = parse<unsigned>(take_part(text));
  const auto place = parse<std::uint64_t>(text);
  if (!shard || *shard >= shards || !place) throw_bad_cursor();
  return {*shard, std::string(text)};
}

std::string write_walk_cursor(const WalkCursor& cursor) {
  return "a:" + std::to_string(cursor.shard) + ":" + cursor.cursor;
}

NewestCursor read_newest_cursor(std::string_view text) {
  NewestCursor cursor;
  if (text.empty()) return cursor;
  const auto part = take_part(text);
  if (part != "n" && part != "m") throw_bad_cursor();
  cursor.has_arrived = part == "m";
  if (cursor.has_arrived) {
    cursor.top = take_part(text);
    cursor.walk = text;
    if (!is_score(cursor.top)) throw_bad_cursor();
    return cursor;
  }
  cursor.floor = take_part(text);
  cursor.top = take_part(text);
  cursor.last.score = take_part(text);
  cursor.last.key = from_hex(text);
  if (!is_score(cursor.floor) || !is_score(cursor.top) || !is_score(cursor.last.score)) {
    throw_bad_cursor();
  }
  return cursor;
}

std::string write_newest_cursor(const NewestCursor& cursor) {
  if (cursor.has_arrived) return "m:" + cursor.top + ":" + cursor.walk;
  return "n:" + cursor.floor + ":" + cursor.top + ":" + cursor.last.score + ":" +
         to_hex(cursor.last.key);
}

}  // namespace dialogstore::redis
