// Random edits of a context against the plainest model there is: maps. After every edit the content
// must agree, and the recorded changes alone must turn the last saved state into the present one.
#include <gtest/gtest.h>

#include <memory>

#include "dialogstore/context.hpp"
#include "model/context_access.hpp"
#include "support/random_model.hpp"

namespace dialogstore {
namespace {

struct Oracle {
  std::map<std::int64_t, Label> labels;
  std::map<std::int64_t, Message> requests, responses;
  std::map<std::string, std::string> misc, framework_states;
  std::int64_t next_label = 0, next_request = 0, next_response = 0;
};

template <class Value>
void put(std::map<std::int64_t, Value>& sequence, std::int64_t& next, std::int64_t index,
         const Value& value) {
  sequence[index] = value;
  next = std::max(next, index + 1);
}

template <class Value>
std::int64_t add(std::map<std::int64_t, Value>& sequence, std::int64_t& next, const Value& value) {
  const std::int64_t index = sequence.empty() ? next : sequence.rbegin()->first + 1;
  put(sequence, next, index, value);
  return index;
}

template <class Value>
void put_last(std::map<std::int64_t, Value>& sequence, std::int64_t& next, const Value& value) {
  put(sequence, next, sequence.empty() ? 0 : sequence.rbegin()->first, value);
}

template <class Value>
void keep_last(std::map<std::int64_t, Value>& sequence, std::size_t count) {
  while (sequence.size() > count) sequence.erase(sequence.begin());
}

std::map<std::string, std::string> as_map(const JsonObject& object) {
  std::map<std::string, std::string> map;
  for (const auto& [name, value] : object) map.emplace(name, value.text());
  return map;
}

class Editing {
 public:
  explicit Editing(std::uint64_t seed) : random_(seed) { save(); }

  void run(int steps) {
    for (int i = 0; i < steps && !::testing::Test::HasFatalFailure(); ++i) {
      SCOPED_TRACE("step " + std::to_string(i));
      edit();
      check();
      if (random_.chance(12)) save();
      if (random_.chance(40)) context_ = Context(context_);
    }
  }

 private:
  std::int64_t index() { return static_cast<std::int64_t>(random_.number(14)) - 3; }
  std::string name() { return "n" + std::to_string(random_.number(5)); }

  void edit() {
    switch (random_.number(6)) {
      case 0:
      case 1:
        return edit_end();
      case 2:
        return edit_anywhere();
      case 3:
        return erase();
      case 4:
        return random_.chance(4) ? clear() : edit_end();
      default:
        return edit_state();
    }
  }

  void edit_end() {
    const Label label = random_.label();
    const Message message = random_.message();
    switch (random_.number(6)) {
      case 0:
        ASSERT_EQ(context_.add_label(label), add(oracle_.labels, oracle_.next_label, label));
        return;
      case 1:
        ASSERT_EQ(context_.add_request(message),
                  add(oracle_.requests, oracle_.next_request, message));
        return;
      case 2:
        ASSERT_EQ(context_.add_response(message),
                  add(oracle_.responses, oracle_.next_response, message));
        return;
      case 3:
        context_.set_last_label(label);
        return put_last(oracle_.labels, oracle_.next_label, label);
      case 4:
        context_.set_last_request(message);
        return put_last(oracle_.requests, oracle_.next_request, message);
      default:
        context_.set_last_response(message);
        return put_last(oracle_.responses, oracle_.next_response, message);
    }
  }

  void edit_anywhere() {
    const std::int64_t at = index();
    const Message message = random_.message();
    if (random_.chance(3)) {
      const Label label = random_.label();
      context_.set_label(at, label);
      put(oracle_.labels, oracle_.next_label, at, label);
    } else if (random_.chance(2)) {
      context_.set_request(at, message);
      put(oracle_.requests, oracle_.next_request, at, message);
    } else {
      context_.set_response(at, message);
      put(oracle_.responses, oracle_.next_response, at, message);
    }
  }

  void erase() {
    const std::int64_t at = index();
    ASSERT_EQ(context_.erase(at, TurnPart::label), oracle_.labels.erase(at) == 1);
    if (random_.chance(2)) {
      ASSERT_EQ(context_.erase(at, TurnPart::request), oracle_.requests.erase(at) == 1);
    } else {
      ASSERT_EQ(context_.erase(at, TurnPart::response), oracle_.responses.erase(at) == 1);
    }
  }

  void clear() {
    const std::size_t hold = random_.number(5);
    if (random_.chance(2)) {
      context_.clear(hold);
      keep_last(oracle_.labels, hold);
      keep_last(oracle_.requests, hold);
      keep_last(oracle_.responses, hold);
    } else {
      context_.clear(hold, {ContextField::responses, ContextField::misc});
      keep_last(oracle_.responses, hold);
      oracle_.misc.clear();
    }
  }

  void edit_state() {
    const std::string key = name();
    const Json value = random_.json();
    switch (random_.number(4)) {
      case 0:
        ASSERT_EQ(context_.erase_misc(key), oracle_.misc.erase(key) == 1);
        return;
      case 1:
        ASSERT_EQ(context_.erase_framework_state(key), oracle_.framework_states.erase(key) == 1);
        return;
      case 2:
        context_.set_framework_state(key, value);
        oracle_.framework_states[key] = value.text();
        return;
      default:
        context_.set_misc(key, value);
        oracle_.misc[key] = value.text();
    }
  }

  void check() {
    ASSERT_EQ(context_.labels(), oracle_.labels);
    ASSERT_EQ(context_.requests(), oracle_.requests);
    ASSERT_EQ(context_.responses(), oracle_.responses);
    ASSERT_EQ(as_map(context_.misc()), oracle_.misc);
    ASSERT_EQ(as_map(context_.framework_states()), oracle_.framework_states);
    ASSERT_EQ(Context::from_json(context_.to_json()), context_);
    check_changes();
  }

  // The saved state, trimmed and with each marked part and name taken anew, is the present state.
  void check_changes() {
    Context replayed = saved_;
    ContextAccess::State& to = ContextAccess::state(replayed);
    const ContextAccess::State& from = ContextAccess::state(context_);
    to.turns.trim(from.changes.first);
    for (const auto& [index, marks] : from.changes.turns) {
      ASSERT_NE(marks, 0);
      const TurnText* turn = from.turns.find(index);
      for (std::size_t part = 0; part < turn_parts; ++part) {
        if (((marks >> part) & 1U) == 0) continue;
        if (turn != nullptr && !turn->parts[part].empty()) {
          to.turns.set_part(index, static_cast<TurnPart>(part), turn->parts[part]);
        } else {
          to.turns.erase_part(index, static_cast<TurnPart>(part));
        }
      }
    }
    take(from.misc, from.changes.misc, to.misc);
    take(from.framework_states, from.changes.framework_states, to.framework_states);
    ASSERT_EQ(replayed.labels(), context_.labels());
    ASSERT_EQ(replayed.requests(), context_.requests());
    ASSERT_EQ(replayed.responses(), context_.responses());
    ASSERT_EQ(replayed.misc(), context_.misc());
    ASSERT_EQ(replayed.framework_states(), context_.framework_states());
  }

  static void take(const JsonObject& from, const MemberChanges& changes, JsonObject& to) {
    for (const std::string& name : changes.erased) to.erase(name);
    for (const auto& [name, value] : from) {
      if (changes.set.contains(name)) to.set(name, value);
    }
  }

  void save() {
    ContextAccess::State& state = ContextAccess::state(context_);
    state.position.emplace();
    state.position->complete = true;
    state.changes.clear();
    ASSERT_FALSE(context_.has_changes());
    saved_ = context_;
  }

  testing::RandomModel random_;
  Context context_{Json("c")};
  Context saved_{Json("c")};
  Oracle oracle_;
};

TEST(ContextProperty, EditsAgreeWithMapsAndWithTheRecordedChanges) {
  for (std::uint64_t seed = 0; seed < 80; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Editing(seed).run(60);
    if (::testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace dialogstore
