#include "support/workload.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>

#include "support/eventually.hpp"

namespace dialogstore::test {
namespace {

using Kind = RecordedCall::Kind;

Moment now() {
  return std::chrono::steady_clock::now();
}

// What no fault of a server or a network explains: the caller, the stored bytes or the library is
// wrong.
bool is_fault_of_ours(errc code) {
  static const std::set<errc> ours{
      errc::already_exists, errc::invalid_uri,    errc::invalid_argument, errc::invalid_key,
      errc::too_large,      errc::invalid_json,   errc::corrupt,          errc::unsupported_format,
      errc::wrong_type,     errc::would_deadlock, errc::save_in_progress, errc::partial_context,
      errc::closed,         errc::overloaded,     errc::key_not_found};
  return ours.contains(code);
}

// These two are final, and their text says whether a copy that nobody answered may have been
// applied before.
bool is_final(errc code) {
  return code == errc::history_changed || code == errc::gone;
}

// Conflicts are nothing that a server does.
bool is_answer(errc code) {
  return code == errc::conflict || is_final(code);
}

bool claims_nothing_was_written(const StorageError& error) {
  return error.detail().find("nothing was written") != std::string::npos;
}

}  // namespace

Turns marks_of(const Context& context) {
  Turns marks;
  for (const auto& [index, request] : context.requests()) {
    if (index != static_cast<std::int64_t>(marks.size()) || !request.text) {
      throw std::runtime_error("a turn is not where it was put: " + context.loaded_to_json());
    }
    marks.push_back(std::stoi(*request.text));
  }
  return marks;
}

/// What a caller has of a context between two calls.
struct Workload::HeldContext {
  Context context;
  Turns stored;  ///< what is stored of it, as far as the caller knows
};

struct Workload::Caller {
  Caller(int given_number, DBContextStorage& given_storage, std::uint64_t seed)
      : number(given_number), storage(given_storage), random(seed) {}

  bool chance(std::uint64_t one_in) { return random() % one_in == 0; }
  void record(const std::string& key, RecordedCall call) {
    call.caller = number;
    calls[key].push_back(std::move(call));
  }

  int number;
  DBContextStorage& storage;
  std::mt19937_64 random;
  std::map<std::string, HeldContext> held;
  std::map<std::string, std::vector<RecordedCall>> calls;
  std::vector<Moment> acknowledgements;
  Refusals refusals;
  std::thread thread;
};

Workload::Workload(WorkloadOptions options)
    : options_(std::move(options)), generations_(options_.contexts) {
  for (const auto& uri : options_.uris) storages_.push_back(context_storage_factory(uri));
  for (std::size_t i = 0; i < options_.callers; ++i) {
    callers_.push_back(std::make_unique<Caller>(
        static_cast<int>(i), *storages_[i % storages_.size()], options_.seed * 1000 + i));
  }
  for (const auto& caller : callers_) {
    caller->thread = std::thread([this, &caller = *caller] { run(caller); });
  }
}

Workload::~Workload() {
  stop();
}

std::string Workload::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

std::string Workload::a_key(std::uint64_t number) const {
  const auto place = number % generations_.size();
  return "c" + std::to_string(place) + "g" + std::to_string(generations_[place]);
}

bool Workload::goes_on(std::size_t turns, std::chrono::milliseconds patience) {
  const auto until = saved_.load() + turns;
  set_goal(wanted_saved_, until);
  return eventually([&] { return saved_ >= until || !failure().empty(); }, patience) &&
         is_at_rest(patience) && failure().empty();
}

bool Workload::are_refused(std::size_t calls, std::chrono::milliseconds patience) {
  const auto until = refused_.load() + calls;
  set_goal(wanted_refused_, until);
  return eventually([&] { return refused_ >= until || !failure().empty(); }, patience) &&
         is_at_rest(patience) && failure().empty();
}

void Workload::set_goal(std::size_t& goal, std::size_t count) {
  const std::lock_guard lock(mutex_);
  goal = count;
  rest_ends_.notify_all();
}

/// Waits until all callers rest who shall.
bool Workload::is_at_rest(std::chrono::milliseconds patience) const {
  return !options_.is_paced || eventually(
                                   [&] {
                                     const std::lock_guard lock(mutex_);
                                     return resting_ == callers_.size() || !failure_.empty();
                                   },
                                   patience);
}

void Workload::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (is_stopping_.exchange(true)) return;
    rest_ends_.notify_all();
  }
  for (const auto& caller : callers_) caller->thread.join();
  for (const auto& caller : callers_) {
    for (auto& [key, calls] : caller->calls) {
      auto& all = histories_[key].calls;
      all.insert(all.end(), calls.begin(), calls.end());
    }
    for (const auto& [code, refusal] : caller->refusals) {
      refusals_[code].count += refusal.count;
      refusals_[code].text = refusal.text;
    }
    acknowledgements_.insert(acknowledgements_.end(), caller->acknowledgements.begin(),
                             caller->acknowledgements.end());
  }
  std::sort(acknowledgements_.begin(), acknowledgements_.end());
}

void Workload::run(Caller& caller) try {
  for (rest(); !is_stopping_ && failure().empty(); rest()) do_one(caller);
} catch (const std::exception& error) {
  const std::lock_guard lock(mutex_);
  failure_ = error.what();
  rest_ends_.notify_all();
}

/// Of a caller that is paced: as long as all is reached that somebody waits for.
void Workload::rest() {
  std::unique_lock lock(mutex_);
  ++resting_;
  rest_ends_.wait(lock, [&] {
    const bool is_wanted = saved_ < wanted_saved_ || refused_ < wanted_refused_;
    return !options_.is_paced || is_wanted || is_stopping_ || !failure_.empty();
  });
  --resting_;
}

void Workload::do_one(Caller& caller) {
  const auto key = a_key(caller.random());
  const auto dice = caller.random() % 64;
  try {
    if (dice == 0 && options_.has_erases) {
      erase(caller, key);
    } else if (dice < 12) {
      load(caller, key);
    } else {
      say(caller, key);
    }
  } catch (const StorageError& error) {
    if (is_fault_of_ours(error.reason())) throw;
    refuse(caller, error);
    may_try_again(caller);
  }
}

void Workload::refuse(Caller& caller, const StorageError& error) {
  const auto code = error.reason();
  auto& refusal = caller.refusals[code];
  ++refusal.count;
  refusal.text = error.what();
  if (!is_answer(code)) ++refused_;
}

/// Whether the caller shall, after a short while: who is refused at once must not keep the machine
/// busy.
bool Workload::may_try_again(Caller& caller) {
  std::this_thread::sleep_for(std::chrono::milliseconds(1 + caller.random() % 10));
  return !is_stopping_ && !caller.chance(8);
}

Workload::HeldContext& Workload::load(Caller& caller, const std::string& key) {
  RecordedCall call{.kind = Kind::load, .begin = now(), .base = {}, .seen = {}};
  auto found = caller.storage.find(key);
  call.end = now();
  HeldContext held;
  if (found) {
    held.context = std::move(*found);
    held.stored = marks_of(held.context);
    call.seen = held.stored;
  } else {
    caller.storage.expect_absent(key, held.context);
  }
  caller.record(key, std::move(call));
  return caller.held[key] = std::move(held);
}

void Workload::erase(Caller& caller, const std::string& key) {
  caller.held.erase(key);
  RecordedCall call{.kind = Kind::erase, .begin = now(), .base = {}, .seen = {}};
  try {
    call.has_erased = caller.storage.del_item(key);
  } catch (const StorageError& error) {
    call.ending = is_outcome_unknown(error.code()) || error.reason() == errc::not_replicated
                      ? Ending::unknown
                      : Ending::refused;
    call.has_failed = true;
    call.end = now();
    caller.record(key, std::move(call));
    throw;
  }
  call.end = now();
  caller.record(key, std::move(call));
}

/// The turns that one context object takes to the store, from the first try to the last: more than
/// one when a caller goes on talking while an earlier save has no known outcome.
struct Workload::Saying {
  std::vector<RecordedCall> calls;
  bool is_in_doubt = false;   ///< some of it may be, or become, stored
  bool was_in_doubt = false;  ///< it ever was

  void add(HeldContext& held, int turn) {
    held.context.add_request(std::to_string(turn));
    calls.push_back(
        {.kind = Kind::append, .begin = now(), .turn = turn, .base = held.stored, .seen = {}});
  }
  void note(const StorageError& error, const Context& context) {
    if (is_final(error.reason())) {
      is_in_doubt = is_in_doubt || !claims_nothing_was_written(error);
    } else {
      // Of several turns the first may have been settled before the last was refused.
      is_in_doubt = context.has_pending_save() || (is_in_doubt && calls.size() > 1);
    }
    was_in_doubt = was_in_doubt || is_in_doubt;
    const bool has_failed = is_in_doubt || !is_answer(error.reason());
    for (auto& call : calls) call.has_failed = call.has_failed || has_failed;
  }
  /// After a conflict: on what is stored now, which shows what was settled before; unless somebody
  /// deleted that since, so that what was in doubt and is not there stays in doubt.
  void start_again(Caller& caller, const std::string& key, HeldContext& fresh) {
    std::vector<RecordedCall> rest;
    for (auto& call : calls) {
      if (std::count(fresh.stored.begin(), fresh.stored.end(), call.turn) > 0) {
        call.end = now();
        caller.record(key, std::move(call));
      } else if (is_in_doubt) {
        call.ending = Ending::unknown;
        call.end = now();
        caller.record(key, std::move(call));
      } else {
        fresh.context.add_request(std::to_string(call.turn));
        call.earlier_bases.push_back(std::exchange(call.base, fresh.stored));
        rest.push_back(std::move(call));
      }
    }
    calls = std::move(rest);
    is_in_doubt = false;
  }
  void end(Caller& caller, const std::string& key, Ending ending, const Turns& seen = {}) {
    for (auto& call : calls) {
      call.ending = ending;
      call.end = now();
    }
    if (ending == Ending::done && !calls.empty()) {
      // What the context was after the earlier ones nobody was told. And when the last one turns
      // out to be stored already, there may be others' turns behind it, as after a load.
      const bool is_last = !seen.empty() && seen.back() == calls.back().turn;
      if (was_in_doubt && !is_last) {
        caller.record(key, {.kind = Kind::load,
                            .begin = calls.back().begin,
                            .end = now(),
                            .base = {},
                            .seen = seen});
      } else {
        calls.back().seen = seen;
      }
    }
    for (auto& call : calls) caller.record(key, std::move(call));
  }
  void give_up(Caller& caller, const std::string& key) {
    end(caller, key, is_in_doubt ? Ending::unknown : Ending::refused);
    caller.held.erase(key);
  }
};

void Workload::say(Caller& caller, const std::string& key) {
  const auto kept = caller.held.find(key);
  const bool is_kept = kept != caller.held.end() && !caller.chance(4);
  HeldContext* held = is_kept ? &kept->second : &load(caller, key);
  Saying saying;
  saying.add(*held, next_turn_++);
  for (;;) {
    try {
      caller.storage.set_item(key, held->context);
      break;
    } catch (const StorageError& error) {
      saying.note(error, held->context);
      const auto code = error.reason();
      if (is_fault_of_ours(code) || is_final(code) || !may_try_again(caller)) {
        saying.give_up(caller, key);
        throw;
      }
      refuse(caller, error);
      if (code == errc::conflict) {
        held = reload(caller, key, saying);
        // All of it is stored, or in doubt: to save what is left would store a context without
        // turns.
        if (saying.calls.empty()) return;
      } else if (saying.is_in_doubt && saying.calls.size() < 3 && caller.chance(2)) {
        saying.add(*held, next_turn_++);
      }
    }
  }
  held->stored = marks_of(held->context);
  const auto count = saying.calls.size();
  saying.end(caller, key, Ending::done, held->stored);
  caller.acknowledgements.insert(caller.acknowledgements.end(), count, now());
  saved_ += count;
  const bool is_full = held->stored.size() >= options_.turns;
  if (is_full || caller.calls[key].size() >= options_.calls) retire(caller, key);
}

Workload::HeldContext* Workload::reload(Caller& caller, const std::string& key, Saying& saying) {
  try {
    auto& fresh = load(caller, key);
    saying.start_again(caller, key, fresh);
    return &fresh;
  } catch (const StorageError&) {
    saying.give_up(caller, key);
    throw;
  }
}

/// Another context takes its place.
void Workload::retire(Caller& caller, const std::string& key) {
  const auto dot = key.find('g');
  const auto place = static_cast<std::size_t>(std::stoul(key.substr(1, dot - 1)));
  std::uint64_t generation = std::stoull(key.substr(dot + 1));
  generations_[place].compare_exchange_strong(generation, generation + 1);
  caller.held.erase(key);
}

}  // namespace dialogstore::test
