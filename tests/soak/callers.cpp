#include "callers.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

namespace dialogstore::soak {
namespace {

using test::TurnLedger;
using Fate = TurnLedger::Fate;

// A context that could not be saved takes no more turns than this until it can.
constexpr std::size_t unsaved_turns = 3;

std::string key_of(std::size_t place) {
  return "dialog-" + std::to_string(place);
}

std::vector<std::string> texts_of(const Context& context) {
  std::vector<std::string> texts;
  for (const auto& [index, request] : context.requests()) {
    if (index != static_cast<std::int64_t>(texts.size()) || !request.text) {
      throw std::runtime_error("a turn is not where it was put: " + context.loaded_to_json());
    }
    texts.push_back(*request.text);
  }
  return texts;
}

// Beside these a failover explains nothing.
bool may_be_told(errc code) {
  static const std::set<errc> expected{
      errc::unavailable,    errc::outcome_unknown, errc::timed_out,       errc::server_busy,
      errc::not_replicated, errc::conflict,        errc::history_changed, errc::gone};
  return expected.contains(code);
}

bool is_final(errc code) {
  return code == errc::conflict || code == errc::history_changed || code == errc::gone;
}

bool may_be_written(const StorageError& error) {
  const auto code = error.reason();
  if (code == errc::outcome_unknown || code == errc::not_replicated) return true;
  const bool may_be_either = code == errc::history_changed || code == errc::gone;
  return may_be_either && error.detail().find("nothing was written") == std::string::npos;
}

std::set<std::string> listed(DBContextStorage& storage, ScanOrder order) {
  std::set<std::string> keys;
  ScanPage page;
  do {
    page = storage.scan(page.cursor, {.page_size = 50, .order = order});
    for (const auto& key : page.keys) keys.insert(key.text());
  } while (!page.cursor.empty());
  return keys;
}

}  // namespace

/// A context between two calls.
struct Callers::Held {
  std::uint64_t generation = 0;
  Context context;
  std::vector<TurnLedger::Entry> unsaved;
  bool is_in_doubt = false;  ///< some of these may have been stored
};

struct Callers::Caller {
  Caller(DBContextStorage& given, std::uint64_t seed) : storage(given), random(seed) {}

  bool chance(std::uint64_t one_in) { return random() % one_in == 0; }

  DBContextStorage& storage;
  std::mt19937_64 random;
  std::map<std::size_t, Held> held;
  std::atomic<SteadyClock::rep> call_begun = 0;  ///< 0: none is under way
  std::thread thread;
};

Callers::Callers(CallersOptions options) : options_(std::move(options)) {
  for (const auto& uri : options_.uris) storages_.push_back(context_storage_factory(uri));
  for (std::size_t i = 0; i < options_.contexts; ++i) {
    dialogs_.push_back(std::make_unique<Dialog>(options_.turns));
  }
  for (std::size_t i = 0; i < options_.callers; ++i) {
    callers_.push_back(
        std::make_unique<Caller>(*storages_[i % storages_.size()], options_.seed * 1000 + i));
  }
  for (const auto& caller : callers_) {
    caller->thread = std::thread([this, &caller = *caller] { run(caller); });
  }
}

Callers::~Callers() {
  stop();
}

void Callers::stop() {
  is_stopping_ = true;
  for (const auto& caller : callers_) {
    if (caller->thread.joinable()) caller->thread.join();
  }
}

Counts Callers::counts() const {
  const std::lock_guard lock(mutex_);
  auto counts = counts_;
  counts.longest_silence =
      std::max(counts.longest_silence, SteadyClock::now() - last_acknowledgement_);
  return counts;
}

SteadyClock::duration Callers::oldest_call() const {
  const auto now = SteadyClock::now();
  SteadyClock::duration oldest{};
  for (const auto& caller : callers_) {
    const auto begun = caller->call_begun.load();
    if (begun == 0) continue;
    oldest = std::max(oldest, now - SteadyClock::time_point(SteadyClock::duration(begun)));
  }
  return oldest;
}

std::string Callers::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

std::map<errc, std::uint64_t> Callers::told() const {
  const std::lock_guard lock(mutex_);
  return told_;
}

template <class Call>
auto Callers::timed(Caller& caller, Call call) {
  const auto begun = SteadyClock::now();
  caller.call_begun = begun.time_since_epoch().count();
  struct Ended {
    Callers& all;
    Caller& caller;
    SteadyClock::time_point begun;
    ~Ended() {
      caller.call_begun = 0;
      const std::lock_guard lock(all.mutex_);
      ++all.counts_.calls;
      all.counts_.longest_call = std::max(all.counts_.longest_call, SteadyClock::now() - begun);
    }
  } const ended{*this, caller, begun};
  return call();
}

void Callers::run(Caller& caller) try {
  while (!is_stopping_) do_one(caller);
} catch (const std::exception& error) {
  fail(error.what());
}

void Callers::fail(const std::string& what) {
  const std::lock_guard lock(mutex_);
  if (failure_.empty()) failure_ = what;
  is_stopping_ = true;
}

void Callers::do_one(Caller& caller) {
  const auto place = static_cast<std::size_t>(caller.random() % dialogs_.size());
  try {
    if (dialogs_[place]->ledger.is_full()) {
      begin_again(caller, place);
    } else if (caller.chance(16)) {
      look(caller, place);
    } else {
      say(caller, place);
    }
  } catch (const StorageError& error) {
    after(caller, error);
  }
}

/// Who is refused at once must not keep the machine busy.
void Callers::after(Caller& caller, const StorageError& error) {
  const auto code = error.reason();
  if (!may_be_told(code)) throw error;
  {
    const std::lock_guard lock(mutex_);
    ++told_[code];
  }
  if (code != errc::conflict) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1 + caller.random() % 10));
  }
}

void Callers::acknowledge(std::size_t turns) {
  const std::lock_guard lock(mutex_);
  const auto now = SteadyClock::now();
  counts_.longest_silence = std::max(counts_.longest_silence, now - last_acknowledgement_);
  counts_.acknowledged += turns;
  last_acknowledgement_ = now;
}

Callers::Held& Callers::hold(Caller& caller, std::size_t place) {
  const auto generation = dialogs_[place]->ledger.generation();
  const auto kept = caller.held.find(place);
  if (kept != caller.held.end() && kept->second.generation == generation) {
    const bool is_settled = kept->second.unsaved.empty();
    if (!is_settled || !caller.chance(4)) return kept->second;
  }
  auto found = timed(caller, [&] { return caller.storage.find(key_of(place)); });
  Held held;
  held.generation = generation;
  if (found) {
    held.context = std::move(*found);
  } else {
    caller.storage.expect_absent(key_of(place), held.context);
  }
  return caller.held[place] = std::move(held);
}

void Callers::say(Caller& caller, std::size_t place) {
  auto& dialog = *dialogs_[place];
  const std::shared_lock use(dialog.in_use);
  auto& held = hold(caller, place);
  if (held.unsaved.size() < unsaved_turns) {
    held.unsaved.push_back(dialog.ledger.begin());
    held.context.add_request(held.unsaved.back().text());
  }
  try {
    timed(caller, [&] { caller.storage.set_item(key_of(place), held.context); });
  } catch (const StorageError& error) {
    held.is_in_doubt = held.is_in_doubt || may_be_written(error) || held.context.has_pending_save();
    if (is_final(error.reason())) give_up(caller, place, held.is_in_doubt);
    throw;
  }
  for (const auto& entry : held.unsaved) dialog.ledger.settle(entry, Fate::acknowledged);
  acknowledge(held.unsaved.size());
  held.unsaved.clear();
  held.is_in_doubt = false;
}

void Callers::give_up(Caller& caller, std::size_t place, bool is_in_doubt) {
  const auto held = caller.held.extract(place);
  for (const auto& entry : held.mapped().unsaved) {
    dialogs_[place]->ledger.settle(entry, is_in_doubt ? Fate::in_doubt : Fate::refused);
  }
  if (!is_in_doubt) return;
  const std::lock_guard lock(mutex_);
  counts_.in_doubt += held.mapped().unsaved.size();
}

/// What was acknowledged before a load begins, it shows.
void Callers::look(Caller& caller, std::size_t place) {
  auto& dialog = *dialogs_[place];
  const std::shared_lock use(dialog.in_use);
  const auto acknowledged = dialog.ledger.acknowledged();
  const auto found = timed(caller, [&] { return caller.storage.find(key_of(place)); });
  const auto texts = found ? texts_of(*found) : std::vector<std::string>();
  const auto missing = TurnLedger::missing(acknowledged, texts);
  if (!missing.empty()) {
    throw std::runtime_error(key_of(place) + ": a load does not show the turn " + missing +
                             ", which was acknowledged before");
  }
}

void Callers::begin_again(Caller& caller, std::size_t place) {
  auto& dialog = *dialogs_[place];
  const std::unique_lock use(dialog.in_use);
  if (!dialog.ledger.is_full()) return;  // somebody else was faster
  const auto found = timed(caller, [&] { return caller.storage.find(key_of(place)); });
  const auto fault = dialog.ledger.fault_of(found ? texts_of(*found) : std::vector<std::string>());
  if (!fault.empty()) throw std::runtime_error(key_of(place) + ": " + fault);
  for (;;) {
    try {
      static_cast<void>(timed(caller, [&] { return caller.storage.del_item(key_of(place)); }));
      break;
    } catch (const StorageError& error) {
      after(caller, error);
    }
  }
  dialog.ledger.begin_again();
  const std::lock_guard lock(mutex_);
  ++counts_.deleted;
}

std::vector<std::string> Callers::look_at_all(DBContextStorage& storage) {
  std::vector<std::string> faults;
  std::set<std::string> present;
  for (std::size_t place = 0; place < dialogs_.size(); ++place) {
    const auto key = key_of(place);
    const auto found = storage.find(key);
    if (found) present.insert(key);
    const auto fault =
        dialogs_[place]->ledger.fault_of(found ? texts_of(*found) : std::vector<std::string>());
    if (!fault.empty()) faults.push_back(key + ": " + fault);
  }
  const auto expect = [&](std::uint64_t seen, std::uint64_t wanted, const std::string& what) {
    if (seen == wanted) return;
    faults.push_back(what + " is " + std::to_string(seen) + ", not " + std::to_string(wanted));
  };
  expect(storage.len(), present.size(), "len");
  if (listed(storage, ScanOrder::any) != present) faults.emplace_back("scan lists other keys");
  if (listed(storage, ScanOrder::newest_first) != present) {
    faults.emplace_back("scan with newest_first lists other keys");
  }
  const auto report = storage.check(false);
  expect(report.contexts, present.size(), "the number of contexts of check");
  expect(report.unlisted, 0, "the number of contexts that are not listed");
  for (const auto& [key, what] : report.damaged) faults.push_back(key + " is damaged: " + what);
  return faults;
}

}  // namespace dialogstore::soak
