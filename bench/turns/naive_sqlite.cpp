#include "naive_sqlite.hpp"

#include <sqlite3.h>

#include "naive_document.hpp"
#include "storage/io_thread.hpp"

namespace dialogstore::bench {
namespace {

using Database = std::unique_ptr<sqlite3, decltype(&sqlite3_close)>;
using PreparedStatement = std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)>;

class NaiveSqlite final : public Contender {
 public:
  NaiveSqlite(const std::string& folder, const Material& material)
      : material_(material), database_(open(folder + "/naive.db")) {
    execute("PRAGMA journal_mode = WAL");
    execute("PRAGMA synchronous = FULL");
    execute("CREATE TABLE IF NOT EXISTS contexts(key TEXT PRIMARY KEY, json TEXT) WITHOUT ROWID");
    select_ = prepared("SELECT json FROM contexts WHERE key = ?1");
    insert_ = prepared("INSERT INTO contexts VALUES(?1, ?2)");
    update_ = prepared("UPDATE contexts SET json = ?2 WHERE key = ?1");
  }

  asio::any_io_executor executor() override { return thread_.executor(); }

  Task<void> prepare(std::uint32_t dialog, std::uint32_t turns) override {
    write(*insert_, key_of(dialog), context_of(material_, dialog, turns).to_json());
    co_return;
  }

  Task<void> turn(std::uint32_t dialog, std::uint32_t number) override {
    const auto key = key_of(dialog);
    bind(*select_, 1, key);
    check(sqlite3_step(select_.get()), SQLITE_ROW);
    const std::string stored(reinterpret_cast<const char*>(sqlite3_column_text(select_.get(), 0)),
                             static_cast<std::size_t>(sqlite3_column_bytes(select_.get(), 0)));
    sqlite3_reset(select_.get());
    write(*update_, key, document_.with_turn(stored, material_.turn(dialog, number)));
    co_return;
  }

 private:
  static Database open(const std::string& file) {
    sqlite3* handle = nullptr;
    const int code = sqlite3_open(file.c_str(), &handle);
    Database database(handle, &sqlite3_close);
    if (code != SQLITE_OK) throw std::runtime_error(file + ": " + sqlite3_errmsg(handle));
    return database;
  }
  void check(int code, int wanted) {
    if (code != wanted) throw std::runtime_error(sqlite3_errmsg(database_.get()));
  }
  void execute(const char* sql) {
    check(sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr), SQLITE_OK);
  }
  PreparedStatement prepared(const char* sql) {
    sqlite3_stmt* handle = nullptr;
    check(sqlite3_prepare_v2(database_.get(), sql, -1, &handle, nullptr), SQLITE_OK);
    return {handle, &sqlite3_finalize};
  }
  void bind(sqlite3_stmt& statement, int index, const std::string& text) {
    const auto size = static_cast<int>(text.size());
    check(sqlite3_bind_text(&statement, index, text.data(), size, SQLITE_STATIC), SQLITE_OK);
  }
  void write(sqlite3_stmt& statement, const std::string& key, const std::string& text) {
    bind(statement, 1, key);
    bind(statement, 2, text);
    check(sqlite3_step(&statement), SQLITE_DONE);
    sqlite3_reset(&statement);
  }

  const Material& material_;
  NaiveDocument document_;
  Database database_;
  PreparedStatement select_{nullptr, &sqlite3_finalize};
  PreparedStatement insert_{nullptr, &sqlite3_finalize};
  PreparedStatement update_{nullptr, &sqlite3_finalize};
  IoThread thread_;
};

}  // namespace

std::unique_ptr<Contender> make_naive_sqlite(const ContenderSettings& settings,
                                             const Material& material) {
  return std::make_unique<NaiveSqlite>(settings.store, material);
}

}  // namespace dialogstore::bench
