// Listing, checking and counting: what looks at the whole file.
#include <charconv>
#include <filesystem>
#include <limits>
#include <system_error>
#include <vector>

#include "sqlite/schema.hpp"
#include "sqlite/sqlite_row_log.hpp"

namespace dialogstore::sqlite {
namespace {

constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();

// Where a context stands in the order of use.
struct Place {
  std::int64_t last_used = largest;
  std::int64_t id = largest;
};

// Cursors: `k<key in hex>`; `n<top>.<last>`, two numbers for each place; `m<top>.<last>.<newest>`,
// of which the last two are ids.
[[noreturn]] void fail_cursor() {
  throw Failure{errc::invalid_argument, "the cursor is not one that a scan in this order returned"};
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    text.append(1, digits[value / 16]).append(1, digits[value % 16]);
  }
  return text;
}

std::string from_hex(std::string_view text) {
  std::string bytes;
  if (text.size() % 2 != 0) fail_cursor();
  for (std::size_t i = 0; i < text.size(); i += 2) {
    unsigned value = 0;
    const char* end = text.data() + i + 2;
    if (std::from_chars(text.data() + i, end, value, 16).ptr != end) fail_cursor();
    bytes += static_cast<char>(value);
  }
  return bytes;
}

std::int64_t take_number(std::string_view& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) fail_cursor();
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (!text.empty()) text.remove_prefix(1);
  return value;
}

Place take_place(std::string_view& text) {
  const std::int64_t last_used = take_number(text);
  return {last_used, take_number(text)};
}

std::string to_text(const Place& place) {
  return std::to_string(place.last_used) + '.' + std::to_string(place.id);
}

}  // namespace

// ---- scan --------------------------------------------------------------------------------------

Task<std::uint64_t> SQLiteRowLog::count(Deadline deadline) {
  connection_->start_call(deadline);
  const auto space = name_space();
  if (!space) co_return 0;
  Run run(count_);
  run.bind(1, *space).bind(2, wall_clock()).step();
  co_return static_cast<std::uint64_t>(run.number(0));
}

Task<ScanPage> SQLiteRowLog::scan(std::string cursor, ScanOptions options, Deadline deadline) {
  connection_->start_call(deadline);
  const auto space = name_space();
  if (!space) co_return ScanPage{};
  const auto limit = static_cast<std::int64_t>(options.page_size);
  co_return options.order == ScanOrder::any ? scan_by_key(*space, cursor, limit)
                                            : scan_by_use(*space, cursor, limit);
}

ScanPage SQLiteRowLog::scan_by_key(std::int64_t name_space, const std::string& cursor,
                                   std::int64_t limit) {
  if (!cursor.empty() && cursor.front() != 'k') fail_cursor();
  // Keys are not empty, so that the empty one stands in front of all.
  const std::string after = cursor.empty() ? "" : from_hex(std::string_view(cursor).substr(1));
  ScanPage page;
  Run run(scan_keys_);
  run.bind(1, name_space).bind(2, wall_clock()).bind(3, std::string_view(after)).bind(4, limit);
  while (run.step()) page.keys.emplace_back(run.bytes(0));
  if (page.keys.size() == static_cast<std::size_t>(limit)) {
    page.cursor = 'k' + to_hex(page.keys.back().text());
  }
  return page;
}

// Newest first from the top that the first page saw ("n"). What is used while the listing runs
// moves above that top, past the cursor; so the listing ends with one walk over what is above it
// ("m"), by id, which does not change by use, up to the newest that there is when the walk begins:
// it ends however much is used or created meanwhile.
ScanPage SQLiteRowLog::scan_by_use(std::int64_t name_space, const std::string& cursor,
                                   std::int64_t limit) {
  if (cursor.starts_with('m')) return scan_moved(name_space, cursor, limit);
  Place top;
  Place last;
  if (!cursor.empty()) {
    if (cursor.front() != 'n') fail_cursor();
    std::string_view text = std::string_view(cursor).substr(1);
    top = take_place(text);
    last = take_place(text);
  }
  ScanPage page;
  Run run(scan_newest_);
  run.bind(1, name_space).bind(2, wall_clock()).bind(3, last.last_used).bind(4, last.id);
  run.bind(5, limit);
  while (run.step()) {
    last = {run.number(1), run.number(2)};
    if (cursor.empty() && page.keys.empty()) top = last;
    page.keys.emplace_back(run.bytes(0));
  }
  if (page.keys.size() == static_cast<std::size_t>(limit)) {
    page.cursor = 'n' + to_text(top) + '.' + to_text(last);
  } else if (!cursor.empty()) {
    Run newest(newest_id_);
    newest.step();
    page.cursor = 'm' + to_text(top) + ".0." + std::to_string(newest.number(0));
  }
  return page;
}

ScanPage SQLiteRowLog::scan_moved(std::int64_t name_space, const std::string& cursor,
                                  std::int64_t limit) {
  std::string_view text = std::string_view(cursor).substr(1);
  const Place top = take_place(text);
  std::int64_t last = take_number(text);
  const std::int64_t newest = take_number(text);
  ScanPage page;
  Run run(scan_moved_);
  run.bind(1, name_space).bind(2, wall_clock()).bind(3, top.last_used).bind(4, top.id);
  run.bind(5, limit).bind(6, last).bind(7, newest);
  while (run.step()) {
    last = run.number(1);
    page.keys.emplace_back(run.bytes(0));
  }
  if (page.keys.size() == static_cast<std::size_t>(limit)) {
    page.cursor = 'm' + to_text(top) + '.' + std::to_string(last) + '.' + std::to_string(newest);
  }
  return page;
}

// ---- check -------------------------------------------------------------------------------------

Task<CheckReport> SQLiteRowLog::check_listing(bool repair, Deadline deadline) {
  connection_->start_call(deadline);
  CheckReport report;
  add_file_damage(report);
  if (!report.damaged.empty()) co_return report;  // a damaged file is not written to
  const std::int64_t space = name_space().value_or(0);
  const auto orphans = std::make_shared<Orphans>(count_orphans(*connection_, space));
  const bool has_orphans = orphans->rows_alone > 0 || orphans->contexts_alone > 0;
  if (repair && has_orphans) {
    GroupCommit::Change change = [this, space, orphans] {
      *orphans = writer_.remove_orphans(space);
      return true;
    };
    co_await commits_.run(std::move(change), 0, deadline);
    report.repaired = orphans->rows_alone + orphans->contexts_alone;
  }
  report.unlisted = orphans->rows_alone;
  report.listed_absent = orphans->contexts_alone;
  co_return report;
}

void SQLiteRowLog::add_file_damage(CheckReport& report) {
  Statement statement(*connection_, "PRAGMA quick_check(20)");
  Run run(statement);
  while (run.step()) {
    const std::string line(run.bytes(0));
    if (line != "ok") report.damaged.emplace_back(connection_->file(), line);
  }
}

// ---- statistics --------------------------------------------------------------------------------

Task<Statistics> SQLiteRowLog::statistics(Deadline deadline) {
  connection_->start_call(deadline);
  const auto size_of = [](const std::string& file) {
    std::error_code error;
    const auto size = std::filesystem::file_size(file, error);
    return std::to_string(error ? 0 : size);
  };
  Statement statement(
      *connection_,
      "SELECT (SELECT count(*) FROM contexts WHERE namespace = ?1 AND deleted = 0"
      " AND (expires IS NULL OR expires > ?2)),"
      " (SELECT coalesce(sum(next_row - first_row), 0) FROM contexts WHERE namespace = ?1),"
      " (SELECT coalesce(sum(length(r.row)), 0) FROM contexts c JOIN log_rows r"
      " ON r.id >= c.id * 268435456 + c.first_row AND r.id < c.id * 268435456 + c.next_row"
      " WHERE c.namespace = ?1)");
  Run run(statement);
  run.bind(1, name_space().value_or(0)).bind(2, wall_clock()).step();
  const auto page_size = connection_->number_of("PRAGMA page_size");
  const auto free_pages = connection_->number_of("PRAGMA freelist_count");
  co_return Statistics{
      {"backend", "sqlite"},
      {"file", connection_->file()},
      {"format", std::to_string(connection_->number_of("PRAGMA user_version"))},
      {"contexts", std::to_string(run.number(0))},
      {"rows", std::to_string(run.number(1))},
      {"bytes", std::to_string(run.number(2))},
      {"file_bytes", size_of(connection_->file())},
      {"free_bytes", std::to_string(page_size * free_pages)},
      {"wal_bytes", size_of(connection_->file() + "-wal")},
      {"sqlite_version", connection_->text_of("SELECT sqlite_version()")},
  };
}

}  // namespace dialogstore::sqlite
