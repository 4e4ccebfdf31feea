#include "support/history.hpp"

#include <algorithm>

namespace dialogstore::test {
namespace {

std::string describe_ending(const RecordedCall& call) {
  if (call.ending == Ending::refused) return "refused";
  if (call.ending == Ending::unknown) return "unknown";
  if (call.kind == RecordedCall::Kind::erase) return call.has_erased ? "erased" : "found nothing";
  return call.kind == RecordedCall::Kind::append && !call.seen ? "done" : describe(call.seen);
}

}  // namespace

std::string describe(const Seen& content) {
  if (!content) return "nothing";
  constexpr std::size_t most = 8;
  std::string text = std::to_string(content->size()) + " turns";
  const auto first = content->size() - std::min(most, content->size());
  text += first == 0 ? ":" : ", the last:";
  for (auto i = first; i < content->size(); ++i) text += " " + std::to_string((*content)[i]);
  return text;
}

std::string describe(const RecordedCall& call) {
  std::string text = "caller " + std::to_string(call.caller) + " ";
  switch (call.kind) {
    case RecordedCall::Kind::append:
      text += "append " + std::to_string(call.turn);
      break;
    case RecordedCall::Kind::load:
      text += "load";
      break;
    case RecordedCall::Kind::erase:
      text += "erase";
      break;
  }
  return text + " -> " + describe_ending(call);
}

}  // namespace dialogstore::test
