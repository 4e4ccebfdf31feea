#include "support/history.hpp"

#include <algorithm>
#include <sstream>

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

std::string describe(const ContextHistory& history) {
  auto calls = history.calls;
  std::stable_sort(calls.begin(), calls.end(),
                   [](const auto& a, const auto& b) { return a.begin < b.begin; });
  std::ostringstream text;
  text.precision(1);
  text << std::fixed;
  const auto since_first = [&](Moment moment) {
    return std::chrono::duration<double, std::milli>(moment - calls.front().begin).count();
  };
  for (const auto& call : calls) {
    text << "\n  " << since_first(call.begin) << " to " << since_first(call.end) << ": "
         << describe(call);
    if (call.kind == RecordedCall::Kind::append) text << "; it had " << describe(call.base);
  }
  for (const auto& loss : history.losses) {
    if (calls.empty()) break;
    text << "\n  " << since_first(loss.from) << " to " << since_first(loss.to) << ": a loss";
  }
  return text.str();
}

}  // namespace dialogstore::test
