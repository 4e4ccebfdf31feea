#include "support/scripted_rows.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "flow/wait_on.hpp"

namespace dialogstore::test {

SaveResult answered(RowList& rows, const format::SaveRequest& request) {
  return apply_save(rows, request);
}

SaveResult reply_lost(RowList& rows, const format::SaveRequest& request) {
  apply_save(rows, request);
  return request_lost(rows, request);
}

SaveResult request_lost(RowList& /*rows*/, const format::SaveRequest& /*request*/) {
  throw Failure{errc::outcome_unknown, "no answer came", true};
}

SaveResult answered_again(RowList& rows, const format::SaveRequest& request) {
  SaveResult result = apply_save(rows, request);
  result.unanswered_copy = true;
  return result;
}

SaveStep after(std::function<void(RowList& rows)> other, SaveStep step) {
  return [other = std::move(other), step = std::move(step)](RowList& rows,
                                                            const format::SaveRequest& request) {
    other(rows);
    return step(rows, request);
  };
}

namespace {

/// Rows that a reader has, counted as long as it has them.
struct ReadRows {
  ReadRows(std::shared_ptr<ScriptedStore> given_store, std::vector<std::string> given)
      : store(std::move(given_store)), rows(std::move(given)) {
    store->most_readers = std::max(store->most_readers, ++store->readers);
  }
  ~ReadRows() { --store->readers; }
  ReadRows(const ReadRows&) = delete;
  ReadRows& operator=(const ReadRows&) = delete;

  std::shared_ptr<ScriptedStore> store;
  std::vector<std::string> rows;
};

class ScriptedRows final : public RowLog {
 public:
  explicit ScriptedRows(std::shared_ptr<ScriptedStore> store) : store_(std::move(store)) {}

  [[nodiscard]] const std::string& identity() const noexcept override { return identity_; }

  Task<Rows> read(ContextKey key, std::size_t count, bool /*refresh*/,
                  Deadline /*deadline*/) override {
    store_->reads.push_back(count);
    const auto& all = store_->lists[key.text()].all;
    const auto from = count == 0 || count > all.size() ? 0 : all.size() - count;
    auto copy = std::make_shared<const ReadRows>(
        store_, std::vector(all.begin() + static_cast<std::ptrdiff_t>(from), all.end()));
    Rows result;
    result.rows.assign(copy->rows.begin(), copy->rows.end());
    result.owner = std::move(copy);
    if (store_->reads_wait) {
      boost::asio::steady_timer timer(co_await this_flow::executor, std::chrono::milliseconds(1));
      co_await wait_on(&timer);
    }
    co_return result;
  }

  Task<SaveResult> save(ContextKey key, std::shared_ptr<const format::SaveRequest> request,
                        SentBefore first_sent, Deadline /*deadline*/) override {
    SaveStep step = answered;
    if (!store_->steps.empty()) {
      step = std::move(store_->steps.front());
      store_->steps.pop_front();
    }
    SaveResult result = step(store_->lists[key.text()], *request);
    result.unanswered_copy = result.unanswered_copy || first_sent.has_value();
    co_return result;
  }

  Task<std::uint64_t> count(Deadline /*deadline*/) override { co_return store_->lists.size(); }
  Task<ScanPage> scan(std::string /*cursor*/, ScanOptions /*options*/,
                      Deadline /*deadline*/) override {
    ScanPage page;
    for (const auto& [key, rows] : store_->lists) page.keys.emplace_back(key);
    co_return page;
  }
  Task<std::uint64_t> clear(Deadline /*deadline*/) override {
    const std::uint64_t count = store_->lists.size();
    store_->lists.clear();
    co_return count;
  }
  Task<CheckReport> check_listing(bool /*repair*/, Deadline /*deadline*/) override {
    co_return CheckReport{};
  }
  Task<std::vector<std::uint64_t>> sizes(std::vector<ContextKey> keys,
                                         Deadline /*deadline*/) override {
    co_return std::vector<std::uint64_t>(keys.size(), store_->told_size);
  }
  Task<Statistics> statistics(Deadline /*deadline*/) override { co_return Statistics{}; }
  void close() override {}

 private:
  std::shared_ptr<ScriptedStore> store_;
  std::string identity_ = "scripted";
};

}  // namespace

ScriptedStorage::ScriptedStorage(std::shared_ptr<ScriptedStore> store,
                                 const StorageOptions& options)
    : DBContextStorage("scripted://",
                       make_log_engine(std::make_unique<IoThread>(),
                                       std::make_unique<ScriptedRows>(std::move(store)), options)) {
}

}  // namespace dialogstore::test
