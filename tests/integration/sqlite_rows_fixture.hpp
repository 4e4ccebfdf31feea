// The row log of an embedded store, used from the test's own thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "flow/task.hpp"
#include "integration/sqlite_fixture.hpp"
#include "sqlite/sqlite_row_log.hpp"

namespace dialogstore::test {

// A save of one row: a keyframe, a delta or a tombstone.
std::shared_ptr<format::SaveRequest> row_request(const Version& base, std::uint8_t token,
                                                 format::SaveOp op);

// A save on its way, and how it ended.
struct SaveCall {
  std::optional<SaveAnswer> answer;
  std::optional<Failure> failure;
  Flow* flow = nullptr;  ///< while it runs

  [[nodiscard]] bool has_ended() const { return answer || failure; }
};

class SQLiteRows : public SQLiteStore {
 protected:
  sqlite::SQLiteRowLog& log() {
    if (!log_) log_ = std::make_unique<sqlite::SQLiteRowLog>(file(), sqlite_options_, options_);
    return *log_;
  }
  static Deadline soon() { return Clock::now() + std::chrono::seconds(10); }

  template <class Result>
  Result wait(Task<Result> work) {
    std::exception_ptr thrown;
    std::optional<Result> got;
    Flow::start(make_flow(io_.get_executor(), std::move(work),
                          [&](std::exception_ptr error, Result result) {
                            thrown = std::move(error);
                            got = std::move(result);
                          }));
    io_.restart();
    io_.run();
    if (thrown) std::rethrow_exception(thrown);
    return std::move(got).value();
  }
  SaveAnswer save(const Version& base, std::uint8_t token, format::SaveOp op) {
    return wait(log().save("user", row_request(base, token, op), std::nullopt, soon())).answer;
  }

  // Begins a save and returns when it waits for the writer.
  std::shared_ptr<SaveCall> start(const std::string& key,
                                  std::shared_ptr<format::SaveRequest> request,
                                  Deadline deadline = soon());
  // A new context.
  std::shared_ptr<SaveCall> start(const std::string& key, Deadline deadline = soon()) {
    return start(key, row_request({}, 1, format::SaveOp::replace), deadline);
  }
  // Until every call has ended.
  void run() {
    io_.restart();
    io_.run();
  }
  std::uint64_t count() { return wait(log().count(soon())); }
  bool contains(const std::string& key) {
    return !wait(log().read(key, 0, false, soon())).rows.empty();
  }

  StorageOptions options_;
  SQLiteOptions sqlite_options_;
  asio::io_context io_;
  std::unique_ptr<sqlite::SQLiteRowLog> log_;
};

}  // namespace dialogstore::test
