#include "memory/memory_row_log.hpp"

#include <algorithm>
#include <bit>
#include <deque>
#include <map>
#include <mutex>
#include <unordered_map>

#include "storage/apply_save.hpp"

namespace dialogstore {

namespace {

struct Entry {
  std::deque<std::string> rows;
  std::optional<Clock::time_point> expires;
  std::uint64_t used = 0;  ///< the count of uses at the last one: the order of newest_first
  std::uint64_t born = 0;  ///< the same at the first one

  [[nodiscard]] bool is_tombstone() const {
    return !rows.empty() && rows.back().front() == static_cast<char>(format::RowKind::tombstone);
  }
};

/// One store; several storages of the process may share it, so every call holds the lock.
struct Store {
  std::mutex mutex;
  std::map<std::string, std::map<std::string, Entry>> spaces;  ///< namespace, key
  std::uint64_t uses = 0;
};

std::shared_ptr<Store> shared_store(const std::string& name) {
  static std::mutex mutex;
  static std::unordered_map<std::string, std::weak_ptr<Store>> stores;
  const std::lock_guard lock(mutex);
  auto& known = stores[name];
  auto store = known.lock();
  if (!store) known = store = std::make_shared<Store>();
  return store;
}

class EntryRows final : public RowList {
 public:
  explicit EntryRows(std::deque<std::string>& rows) : rows_(rows) {}
  std::size_t size() override { return rows_.size(); }
  std::string row(std::size_t position) override { return rows_[position]; }
  void set(std::size_t position, std::string_view row) override { rows_[position] = row; }
  void push_back(std::string_view row) override { rows_.emplace_back(row); }
  void drop_front(std::size_t count) override {
    rows_.erase(rows_.begin(), rows_.begin() + static_cast<std::ptrdiff_t>(count));
  }
  void drop_back(std::size_t count) override {
    rows_.erase(rows_.end() - static_cast<std::ptrdiff_t>(count), rows_.end());
  }

 private:
  std::deque<std::string>& rows_;
};

class MemoryRowLog final : public RowLog {
 public:
  MemoryRowLog(std::shared_ptr<Store> store, std::string name, const StorageOptions& options)
      : store_(std::move(store)),
        options_(options),
        // A store without a name is known by its address, which no other has while it lives.
        identity_("memory:" +
                  (name.empty() ? std::to_string(std::bit_cast<std::uintptr_t>(store_.get()))
                                : std::move(name)) +
                  "/" + options.name_space) {}

  [[nodiscard]] const std::string& identity() const noexcept override { return identity_; }

  Task<Rows> read(ContextKey key, std::size_t count, bool refresh, Deadline /*deadline*/) override {
    const std::lock_guard lock(store_->mutex);
    Rows result;
    auto& space = space_without(key.text());
    const auto found = space.find(key.text());
    if (found == space.end()) co_return result;
    auto& entry = found->second;
    if (refresh && !entry.is_tombstone()) use(entry);
    auto copy = std::make_shared<std::vector<std::string>>();
    const auto from = count == 0 || count > entry.rows.size() ? 0 : entry.rows.size() - count;
    copy->assign(entry.rows.begin() + static_cast<std::ptrdiff_t>(from), entry.rows.end());
    result.rows.assign(copy->begin(), copy->end());
    result.owner = std::move(copy);
    co_return result;
  }

  Task<SaveResult> save(ContextKey key, std::shared_ptr<const format::SaveRequest> request,
                        SentBefore /*first_sent*/, Deadline /*deadline*/) override {
    const std::lock_guard lock(store_->mutex);
    auto& space = space_without(key.text());
    auto& entry = space[key.text()];
    EntryRows rows(entry.rows);
    SaveResult result;
    try {
      result = apply_save(rows, *request);
    } catch (const Failure&) {
      if (entry.rows.empty()) space.erase(key.text());
      throw;
    }
    if (entry.rows.empty()) {
      space.erase(key.text());
    } else if (result.answer == SaveAnswer::saved || result.answer == SaveAnswer::already) {
      use(entry);
      if (entry.is_tombstone()) entry.expires = Clock::now() + options_.timeout;
    }
    co_return result;
  }

  Task<std::uint64_t> count(Deadline /*deadline*/) override {
    const std::lock_guard lock(store_->mutex);
    std::uint64_t live = 0;
    for (const auto& [key, entry] : purged_space()) live += entry.is_tombstone() ? 0 : 1;
    co_return live;
  }

  Task<ScanPage> scan(std::string cursor, ScanOptions options, Deadline /*deadline*/) override {
    const std::lock_guard lock(store_->mutex);
    co_return options.order == ScanOrder::any ? scan_by_key(cursor, options.page_size)
                                              : scan_by_use(cursor, options.page_size);
  }

  Task<std::uint64_t> clear(Deadline /*deadline*/) override {
    const std::lock_guard lock(store_->mutex);
    auto& space = purged_space();
    std::uint64_t live = 0;
    for (const auto& [key, entry] : space) live += entry.is_tombstone() ? 0 : 1;
    space.clear();
    co_return live;
  }

  Task<CheckReport> check_listing(bool /*repair*/, Deadline /*deadline*/) override {
    co_return CheckReport{};  // the map is the listing
  }

  Task<Statistics> statistics(Deadline /*deadline*/) override {
    const std::lock_guard lock(store_->mutex);
    std::uint64_t contexts = 0, rows = 0, bytes = 0;
    for (const auto& [key, entry] : purged_space()) {
      if (entry.is_tombstone()) continue;
      ++contexts;
      rows += entry.rows.size();
      for (const auto& row : entry.rows) bytes += row.size();
    }
    co_return Statistics{{"backend", "memory"},
                         {"contexts", std::to_string(contexts)},
                         {"rows", std::to_string(rows)},
                         {"bytes", std::to_string(bytes)}};
  }

  void close() override {}

 private:
  using Space = std::map<std::string, Entry>;

  /// The namespace without what has expired: all of it, or just the one key a call is about.
  Space& purged_space() {
    auto& space = store_->spaces[options_.name_space];
    std::erase_if(space,
                  [now = Clock::now()](const auto& item) { return expired(item.second, now); });
    return space;
  }
  Space& space_without(const std::string& key) {
    auto& space = store_->spaces[options_.name_space];
    const auto found = space.find(key);
    if (found != space.end() && expired(found->second, Clock::now())) space.erase(found);
    return space;
  }
  static bool expired(const Entry& entry, Clock::time_point now) {
    return entry.expires && *entry.expires <= now;
  }

  void use(Entry& entry) {
    entry.used = ++store_->uses;
    if (entry.born == 0) entry.born = entry.used;
    entry.expires.reset();
    if (options_.ttl.count() > 0) entry.expires = Clock::now() + options_.ttl;
  }

  ScanPage scan_by_key(const std::string& cursor, std::size_t page_size) {
    ScanPage page;
    auto& space = purged_space();
    for (auto it = cursor.empty() ? space.begin() : space.upper_bound(cursor); it != space.end();
         ++it) {
      if (it->second.is_tombstone()) continue;
      if (page.keys.size() == page_size) {
        page.cursor = page.keys.back().text();
        break;
      }
      page.keys.emplace_back(it->first);
    }
    return page;
  }

  /// From the newest to the oldest; then, in the order they were born, those used since the listing
  /// began, which may have moved in front before they were listed. That ends, however much is used
  /// or born meanwhile. The cursor: `began`, and either `below` or `born` and `youngest`.
  ScanPage scan_by_use(const std::string& cursor, std::size_t page_size) {
    std::uint64_t began = store_->uses, below = UINT64_MAX, born = 0, youngest = 0;
    if (!cursor.empty()) {
      char* end = nullptr;
      began = std::strtoull(cursor.c_str(), &end, 10);
      below = std::strtoull(end, &end, 10);
      born = std::strtoull(end, &end, 10);
      youngest = std::strtoull(end, &end, 10);
    }
    const bool moved = youngest != 0;
    std::vector<std::pair<std::uint64_t, const std::string*>> order;
    for (const auto& [key, entry] : purged_space()) {
      if (entry.is_tombstone()) continue;
      if (moved && entry.used > began && entry.born > born && entry.born <= youngest) {
        order.emplace_back(entry.born, &key);
      } else if (!moved && entry.used < below) {
        order.emplace_back(UINT64_MAX - entry.used, &key);
      }
    }
    std::sort(order.begin(), order.end());
    ScanPage page;
    const bool has_more = order.size() > page_size;
    order.resize(std::min(order.size(), page_size));
    for (const auto& [place, key] : order) page.keys.emplace_back(*key);
    if (has_more && moved) {
      page.cursor = use_cursor(began, 0, order.back().first, youngest);
    } else if (has_more) {
      page.cursor = use_cursor(began, UINT64_MAX - order.back().first, 0, 0);
    } else if (!moved && store_->uses > began) {
      page.cursor = use_cursor(began, 0, 0, store_->uses);
    }
    return page;
  }
  static std::string use_cursor(std::uint64_t began, std::uint64_t below, std::uint64_t born,
                                std::uint64_t youngest) {
    return std::to_string(began) + ' ' + std::to_string(below) + ' ' + std::to_string(born) + ' ' +
           std::to_string(youngest);
  }

  std::shared_ptr<Store> store_;
  StorageOptions options_;
  std::string identity_;
};

}  // namespace

std::unique_ptr<RowLog> make_memory_row_log(const std::string& shared_name,
                                            const StorageOptions& options) {
  auto store = shared_name.empty() ? std::make_shared<Store>() : shared_store(shared_name);
  return std::make_unique<MemoryRowLog>(std::move(store), shared_name, options);
}

}  // namespace dialogstore
