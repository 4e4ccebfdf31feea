#include "format/unread_pages.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "dialogstore/error.hpp"
#include "dialogstore/limits.hpp"
#include "format/compress.hpp"

namespace dialogstore::format {
namespace {

/// As a load reports it.
[[noreturn]] void fail(std::size_t row, errc error, const std::string& why) {
  throw_error(error, "", "", "row " + std::to_string(row) + ": " + why);
}

}  // namespace

UnreadPages::UnreadPages(std::vector<RowView> pages, TextSource source, Tail tail)
    : OlderTurns(tail.end, tail.needed_to_number),
      source_(std::move(source)),
      pages_(std::move(pages)),
      tail_(std::move(tail)) {
  if (!source_.is_lasting()) copy_bytes();
}

void UnreadPages::copy_bytes() {
  std::size_t sum = 0;
  for (const RowView& page : pages_) sum += page.tokens.size() + page.body.size();
  const auto bytes = std::make_shared<std::string>();
  bytes->reserve(sum);  // so that views into it stay
  const auto copy = [&](std::string_view& view) {
    const std::size_t at = bytes->size();
    bytes->append(view);
    view = std::string_view(*bytes).substr(at);
  };
  for (RowView& page : pages_) {
    copy(page.tokens);
    copy(page.body);
  }
  source_ = TextSource(bytes);
}

OlderTurns::Content UnreadPages::do_read() const {
  Content content;
  TurnPatches turns;
  content.pages.reserve(pages_.size());
  for (std::size_t row = 0; row < pages_.size(); ++row) {
    content.pages.push_back(read_row(row, turns));
  }
  for (TurnText removal : tail_.removals) turns.apply(std::move(removal));
  turns.settle();
  for (TurnText& turn : turns.all()) {
    for (std::size_t part = 0; part < turn_parts; ++part) {
      if (turn.index < tail_.first[part]) turn.parts[part] = {};
    }
  }
  content.turns = turns.take();
  return content;
}

TurnRange UnreadPages::read_row(std::size_t row, TurnPatches& turns) const {
  const RowView& page = pages_[row];
  const auto payload = std::make_shared<std::string>();
  switch (decompress(page.codec, page.body, limits::page_bytes, *payload)) {
    case CompressFault::none:
      break;
    case CompressFault::too_large:
      fail(row, errc::too_large, "there is not enough memory to decompress a page");
    case CompressFault::unknown_codec:
    case CompressFault::damaged:
      fail(row, errc::corrupt, "a page's payload cannot be decompressed");
  }
  PageContent content;
  PartIndices next{};
  if (const BodyFault fault = read_page(*payload, TextSource(payload), turns, next, content)) {
    fail(row, fault.error, fault.why);
  }
  if (std::ranges::max(next) > std::int64_t{tail_.next_turn}) {
    fail(row, errc::corrupt, "a turn lies beyond the next turn index");
  }
  return {content.lowest, content.highest};
}

}  // namespace dialogstore::format
