#include "support/fault_run.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

#include "dialogstore/uri.hpp"
#include "support/eventually.hpp"
#include "support/linearizability.hpp"

namespace dialogstore::test {
namespace {

using Kind = RecordedCall::Kind;
using std::chrono::milliseconds;

constexpr auto patience = std::chrono::seconds(60);

// What is looked at when the fault is over has nothing to do with the deadlines that the fault is
// about, which a busy machine may let pass.
const CallOptions at_leisure{.timeout = patience, .on_conflict = {}, .history = {}};

std::string setting(const char* name) {
  const char* given = std::getenv(name);
  return given == nullptr ? "" : given;
}

milliseconds fault_time() {
  const auto given = setting("DIALOGSTORE_FAULT_SECONDS");
  return milliseconds(static_cast<std::int64_t>(given.empty() ? 1000 : 1000 * std::stod(given)));
}

std::set<std::string> listed(DBContextStorage& storage, ScanOrder order) {
  std::set<std::string> keys;
  ScanPage page;
  do {
    page = storage.scan(page.cursor, {.page_size = 50, .order = order}, at_leisure);
    for (const auto& key : page.keys) keys.insert(key.text());
  } while (!page.cursor.empty());
  return keys;
}

std::string quoted(const std::string& text) {
  return "\"" + text + "\"";
}

}  // namespace

std::uint64_t fault_seed() {
  const auto given = setting("DIALOGSTORE_SEED");
  return given.empty() ? 1 : std::stoull(given);
}

/// What was there in the end, and the numbers of the report.
struct FaultRun::Found {
  std::map<std::string, Seen> contents;
  std::size_t acknowledged = 0;
  std::size_t refused = 0;
  std::size_t unknown = 0;
  std::size_t unknown_stored = 0;
  std::size_t lost = 0;
  std::size_t loads = 0;
  std::size_t erases = 0;
  std::size_t steps = 0;
};

namespace {

// Who deletes contexts cannot tell which turns the servers have lost.
WorkloadOptions suited(WorkloadOptions options, const Fault& fault) {
  options.has_erases = options.has_erases && !fault.may_lose;
  return options;
}

}  // namespace

FaultRun::FaultRun(Fault fault, WorkloadOptions workload,
                   const std::function<std::vector<RedisServer*>()>& servers)
    : fault_(std::move(fault)),
      options_(workload),
      servers_(servers),
      random_(workload.seed),
      workload_(suited(std::move(workload), fault_)) {
  EXPECT_TRUE(workload_.goes_on(20, patience)) << workload_.failure();
  begin_ = std::chrono::steady_clock::now();
}

void FaultRun::repeat(const std::function<void()>& round, std::size_t most) {
  const auto until = std::chrono::steady_clock::now() + fault_time();
  do {
    round();
    ++rounds_;
    ASSERT_TRUE(workload_.goes_on(20, patience))
        << fault_.name << ", round " << rounds_ << ": nothing is saved any more. "
        << workload_.failure();
  } while (std::chrono::steady_clock::now() < until && rounds_ < most);
}

void FaultRun::allow_loss(AllowedLoss::What what, Moment from, Moment to) {
  losses_.push_back({what, from, to});
  if (what == AllowedLoss::What::everything) return;
  fault_.may_lose = fault_.may_lose || what == AllowedLoss::What::branch;
  fault_.may_unlist = true;
}

void FaultRun::allow_loss(AllowedLoss::What what, Moment from) {
  allow_loss(what, from, std::chrono::steady_clock::now());
}

void FaultRun::finish() {
  end_ = std::chrono::steady_clock::now();
  workload_.stop();
  EXPECT_EQ(workload_.failure(), "");
  const auto storage = context_storage_factory(options_.uris.front());
  EXPECT_TRUE(eventually(
      [&] {
        try {
          return storage->len(at_leisure) > 0;
        } catch (const StorageError&) {
          return false;
        }
      },
      patience))
      << "the store does not come back";
  Found found;
  look_at_contexts(*storage, found);
  look_at_listing(*storage, found);
  look_at_histories(found);
  look_at_answers();
  report(found);
}

/// Reads all, through the library: every context must decode, with each turn at its place.
void FaultRun::look_at_contexts(DBContextStorage& storage, Found& found) {
  for (auto& [key, history] : workload_.histories()) {
    RecordedCall call{.kind = Kind::load, .caller = -1, .base = {}, .seen = {}};
    call.begin = std::chrono::steady_clock::now();
    try {
      const auto context = storage.find(key, at_leisure);
      if (context) call.seen = marks_of(*context);
    } catch (const std::exception& error) {
      ADD_FAILURE() << key << " does not decode: " << error.what();
    }
    call.end = std::chrono::steady_clock::now();
    found.contents[key] = call.seen;
    history.calls.push_back(std::move(call));
    history.losses = losses_;
  }
}

void FaultRun::look_at_listing(DBContextStorage& storage, const Found& found) {
  std::set<std::string> present;
  for (const auto& [key, content] : found.contents) {
    if (content) present.insert(key);
  }
  EXPECT_EQ(stored_keys(), present) << "behind the library's back";
  if (fault_.may_unlist) static_cast<void>(storage.check(true, at_leisure));
  const auto sound = storage.check(false, at_leisure);
  EXPECT_TRUE(sound.damaged.empty())
      << sound.damaged.front().first << ": " << sound.damaged.front().second;
  EXPECT_EQ(sound.contexts, present.size());
  EXPECT_EQ(sound.unlisted, 0U);
  auto scanned = listed(storage, ScanOrder::any);
  const auto newest = listed(storage, ScanOrder::newest_first);
  EXPECT_EQ(scanned, newest);
  EXPECT_EQ(scanned, present);
  for (const auto& key : present) {
    EXPECT_TRUE(scanned.contains(key))
        << key << " is not listed after" << describe(workload_.histories().at(key));
  }
  look_at_entries(present, storage.len(at_leisure));
}

/// The listing has every context that is there. What it has beside them was left by a call that
/// could not know better or had no time to mend it, or names a context that a server lost.
void FaultRun::look_at_entries(const std::set<std::string>& present, std::uint64_t count) {
  std::size_t left = 0;
  for (const auto& key : entries()) {
    if (present.contains(key)) continue;
    ++left;
    const auto history = workload_.histories().find(key);
    const auto leaves = [&](const RecordedCall& call) {
      return may_leave_an_entry(call, history->second);
    };
    const bool is_explained =
        history != workload_.histories().end() &&
        (fault_.may_unlist ||
         std::any_of(history->second.calls.begin(), history->second.calls.end(), leaves));
    EXPECT_TRUE(is_explained) << fault_.name << ": nobody left the entry " << key
                              << (history == workload_.histories().end()
                                      ? ", which nobody used"
                                      : " after" + describe(history->second));
  }
  // With a ttl len leaves out old entries that name nothing.
  const bool has_ttl = parse_uri(options_.uris.front()).options.ttl.count() > 0;
  if (!has_ttl) {
    EXPECT_EQ(count, present.size() + left);
  }
  EXPECT_GE(count, present.size());
  EXPECT_LE(count, present.size() + left);
}

bool FaultRun::may_leave_an_entry(const RecordedCall& call, const ContextHistory& history) const {
  if (call.kind == Kind::load) return false;
  // A create writes the entry first; of a delete, it goes last.
  if (call.has_failed) return true;
  if (call.kind != Kind::erase || call.ending != Ending::done) return false;
  // It may have ended, as it should, before there was an answer to that.
  const auto time = parse_uri(options_.uris.front()).options.timeout;
  if (2 * (call.end - call.begin) >= time) return true;
  // An entry that was written anew meanwhile is not the one it saw, and stays.
  return std::any_of(history.calls.begin(), history.calls.end(), [&](const auto& other) {
    return other.kind == Kind::append && other.begin <= call.end && other.end >= call.begin;
  });
}

void FaultRun::look_at_histories(Found& found) {
  for (const auto& [key, history] : workload_.histories()) {
    const auto verdict = check_linearizable(history);
    EXPECT_TRUE(verdict.is_linearizable)
        << fault_.name << ", seed " << options_.seed << ", " << key
        << (verdict.has_given_up ? ": too many possibilities; " : ": ") << verdict.explanation
        << "\nof" << describe(smallest_rejected(history));
    found.steps += verdict.steps;
    const auto content = found.contents.at(key).value_or(Turns{});
    std::map<int, std::size_t> times;
    for (const int turn : content) ++times[turn];
    bool is_erased = false;
    for (const auto& call : history.calls) {
      const bool may_erase = call.kind == Kind::erase && call.ending != Ending::refused;
      is_erased = is_erased || (may_erase && (call.has_erased || call.ending == Ending::unknown));
      found.erases += call.kind == Kind::erase ? 1 : 0;
      found.loads += call.kind == Kind::load ? 1 : 0;
    }
    for (const auto& call : history.calls) {
      if (call.kind != Kind::append) continue;
      const auto count = times.contains(call.turn) ? times[call.turn] : 0;
      EXPECT_LE(count, 1U) << key << ": turn " << call.turn << " is there twice";
      if (call.ending == Ending::refused) {
        ++found.refused;
        EXPECT_EQ(count, 0U) << key << ": refused turn " << call.turn << " is there";
      } else if (call.ending == Ending::unknown) {
        ++found.unknown;
        found.unknown_stored += count;
      } else {
        ++found.acknowledged;
        found.lost += count == 0 && !is_erased ? 1 : 0;
      }
    }
  }
  EXPECT_TRUE(found.lost == 0 || fault_.may_lose) << found.lost << " acknowledged turns are lost";
}

void FaultRun::look_at_answers() {
  for (const auto& [code, refusal] : workload_.refusals()) {
    const bool is_expected = code == errc::conflict || code == errc::gone ||
                             code == errc::history_changed || fault_.told.contains(code);
    EXPECT_TRUE(is_expected) << fault_.name << ": " << refusal.count << " times " << refusal.text;
  }
}

std::string FaultRun::prefix() const {
  const auto start = uri().find("namespace=") + 10;
  return uri().substr(start, uri().find('&', start) - start) + ":{";
}

/// The keys of contexts that are no tombstones.
std::set<std::string> FaultRun::stored_keys() const {
  const auto prefix = this->prefix();
  std::set<std::string> keys;
  for (auto* server : servers_()) {
    std::string cursor = "0";
    do {
      const auto page = server->command({"SCAN", cursor, "MATCH", prefix + "*", "COUNT", "1000"});
      cursor = page.elements.at(0).text;
      for (const auto& name : page.elements.at(1).texts()) {
        if (server->command({"LINDEX", name, "-1"}).text.starts_with('T')) continue;
        keys.insert(name.substr(prefix.size(), name.size() - prefix.size() - 1));
      }
    } while (cursor != "0");
  }
  return keys;
}

/// What the listing names, read behind the library's back.
std::set<std::string> FaultRun::entries() const {
  const auto prefix = this->prefix();
  const auto pattern = prefix.substr(0, prefix.size() - 1) + "index:*";
  std::set<std::string> keys;
  for (auto* server : servers_()) {
    std::string cursor = "0";
    do {
      const auto page = server->command({"SCAN", cursor, "MATCH", pattern, "COUNT", "1000"});
      cursor = page.elements.at(0).text;
      for (const auto& name : page.elements.at(1).texts()) {
        for (const auto& key : server->command({"ZRANGE", name, "0", "-1"}).texts()) {
          keys.insert(key);
        }
      }
    } while (cursor != "0");
  }
  return keys;
}

/// The longest time without an acknowledgement since the first fault.
milliseconds FaultRun::longest_silence() const {
  Moment last = begin_;
  Moment::duration longest{};
  const auto look = [&](Moment moment) {
    if (moment < begin_ || moment > end_) return;
    longest = std::max(longest, moment - last);
    last = moment;
  };
  for (const auto moment : workload_.acknowledgements()) look(moment);
  look(end_);
  return std::chrono::duration_cast<milliseconds>(longest);
}

void FaultRun::report(const Found& found) const {
  if (fault_.name.empty()) return;
  std::ostringstream told;
  for (const auto& [code, refusal] : workload_.refusals()) {
    told << (told.tellp() == 0 ? "" : ",") << quoted(std::string(to_string(code))) << ":"
         << refusal.count;
  }
  const auto seconds = std::chrono::duration<double>(end_ - begin_).count();
  std::ostringstream json;
  const auto& test = *::testing::UnitTest::GetInstance()->current_test_info();
  json << "{\"fault\":" << quoted(fault_.name)
       << ",\"test\":" << quoted(std::string(test.test_suite_name()) + "/" + test.name())
       << ",\"promise\":" << quoted(fault_.promise) << ",\"seed\":" << options_.seed
       << ",\"seconds\":" << seconds << ",\"rounds\":" << rounds_
       << ",\"contexts\":" << found.contents.size() << ",\"acknowledged\":" << found.acknowledged
       << ",\"lost\":" << found.lost << ",\"refused\":" << found.refused
       << ",\"unknown\":" << found.unknown << ",\"unknown_stored\":" << found.unknown_stored
       << ",\"loads\":" << found.loads << ",\"erases\":" << found.erases
       << ",\"longest_silence_ms\":" << longest_silence().count()
       << ",\"checker_steps\":" << found.steps << ",\"told\":{" << told.str() << "}"
       << ",\"passed\":" << (::testing::Test::HasFailure() ? "false" : "true") << "}";
  std::cout << json.str() << '\n';
  if (const auto folder = setting("DIALOGSTORE_FAULT_REPORT"); !folder.empty()) {
    std::filesystem::create_directories(folder);
    std::ofstream(std::filesystem::path(folder) / (fault_.name + ".json")) << json.str() << '\n';
  }
}

}  // namespace dialogstore::test
