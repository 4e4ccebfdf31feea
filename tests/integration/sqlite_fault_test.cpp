// What goes wrong around the file: each is an error of its own that names the file and the remedy,
// and none loses what was acknowledged.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/use_future.hpp>
#include <chrono>
#include <filesystem>
#include <iostream>

#include "integration/sqlite_fixture.hpp"
#include "support/child_process.hpp"

namespace dialogstore::test {
namespace {

using namespace std::chrono_literals;

class SQLiteFault : public SQLiteStore {
 protected:
  // Opening must fail with this code, name the file and `remedy`, and leave every byte as it was.
  void expect_refused(errc code, const std::string& remedy) const {
    const std::string before = read_bytes(file());
    std::string text;
    EXPECT_EQ(error_code_of([&] { open(); }, &text), code) << text;
    EXPECT_NE(text.find(file()), std::string::npos) << text;
    EXPECT_NE(text.find(remedy), std::string::npos) << text;
    EXPECT_EQ(read_bytes(file()), before);
  }
};

// ---- what is refused when it is opened ----------------------------------------------------------

TEST_F(SQLiteFault, RefusesAFileThatIsNoDatabase) {
  for (const std::string& bytes : {std::string("x"), std::string(5000, 'x'),
                                   std::string("SQLite format 3"), std::string(200, '\0')}) {
    write_bytes(file(), bytes);
    expect_refused(errc::corrupt, "use another file");
  }
}

TEST_F(SQLiteFault, RefusesADatabaseOfAnotherApplication) {
  sql("CREATE TABLE contexts(id); PRAGMA application_id = 7");
  expect_refused(errc::wrong_type, "use another file");
}

TEST_F(SQLiteFault, RefusesADatabaseThatBelongsToNobody) {
  sql("PRAGMA journal_mode = WAL; CREATE TABLE notes(id); INSERT INTO notes VALUES(1)");
  expect_refused(errc::wrong_type, "use another file");
}

TEST_F(SQLiteFault, RefusesANewerFormat) {
  open()->set_item("user", make_context("x"));
  sql("PRAGMA user_version = 2; PRAGMA wal_checkpoint(TRUNCATE)");
  expect_refused(errc::unsupported_format, "upgrade");
  sql("PRAGMA user_version = 1");
  EXPECT_TRUE(open()->contains("user"));
}

TEST_F(SQLiteFault, RefusesAFolderThatDoesNotExist) {
  std::string text;
  const std::string missing = folder_ / "no" / "dialogs.db";
  EXPECT_EQ(error_code_of([&] { SQLiteContextStorage("sqlite:///" + missing); }, &text),
            errc::io_error);
  EXPECT_NE(text.find("create it"), std::string::npos) << text;
}

TEST_F(SQLiteFault, RefusesWhatIsNotAFile) {
  std::filesystem::create_directory(file());
  EXPECT_EQ(error_code_of([&] { open(); }), errc::io_error);
  std::filesystem::remove(file());
  ASSERT_EQ(::mkfifo(file().c_str(), 0600), 0);
  EXPECT_EQ(error_code_of([&] { open(); }), errc::io_error);  // and does not wait for a writer
}

TEST_F(SQLiteFault, RefusesTheUriOfAnotherStore) {
  EXPECT_EQ(error_code_of([] { SQLiteContextStorage("memory://"); }), errc::invalid_uri);
  EXPECT_EQ(
      error_code_of([&] { SQLiteContextStorage(file(), SQLiteOptions{.busy_timeout = 0ms}); }),
      errc::invalid_argument);
  EXPECT_EQ(error_code_of([] { SQLiteContextStorage(std::string(), SQLiteOptions{}); }),
            errc::invalid_argument);
}

TEST_F(SQLiteFault, MakesAStoreOfAnEmptyFile) {
  write_bytes(file(), "");
  open()->set_item("user", make_context("x"));
  EXPECT_EQ(open()->len(), 1U);
}

TEST_F(SQLiteFault, FinishesAStoreWhoseMakerDied) {
  open()->set_item("user", make_context("x"));
  sql("PRAGMA journal_mode = DELETE");  // as if it had died before switching to WAL
  EXPECT_TRUE(open()->contains("user"));
  EXPECT_EQ(sql("PRAGMA journal_mode"), "wal");
}

// ---- another process writes --------------------------------------------------------------------

TEST_F(SQLiteFault, SaysBusyWhenAnotherWriterTakesLongerThanBusyTimeout) {
  const auto storage = open("?busy_timeout=50ms&timeout=10s");
  Context context = make_context("x");
  std::string text;
  {
    const WriteLock lock(file());
    EXPECT_EQ(error_code_of([&] { storage->set_item("user", context); }, &text), errc::server_busy);
    EXPECT_NE(text.find("busy_timeout"), std::string::npos) << text;
    EXPECT_FALSE(storage->contains("user"));  // readers do not wait
  }
  storage->set_item("user", context);
  EXPECT_EQ(storage->get_item("user"), context);
}

// Who comes when others have just given up has not waited yet, and is not told that they have.
TEST_F(SQLiteFault, WaitsItsOwnTimeWhenOthersHaveGivenUp) {
  constexpr int rounds = 20;
  const auto storage = open("?busy_timeout=20ms&timeout=10s");
  const WriteLock lock(file());
  Context context = make_context("x");
  std::promise<void> done;
  std::vector<std::chrono::steady_clock::duration> waits;
  std::function<void()> save_again = [&] {
    const auto begin = std::chrono::steady_clock::now();
    storage->set_item_async("user", context, [&, begin](const std::exception_ptr& error) {
      EXPECT_EQ(code_of(error), errc::server_busy);
      waits.push_back(std::chrono::steady_clock::now() - begin);
      waits.size() < rounds ? save_again() : done.set_value();
    });
  };
  save_again();
  done.get_future().wait();
  for (const auto wait : waits) EXPECT_GE(wait, 20ms);
}

TEST_F(SQLiteFault, SaysTimedOutWhenAnotherWriterTakesLongerThanTheDeadline) {
  const auto storage = open("?busy_timeout=1m");
  Context context = make_context("x");
  const WriteLock lock(file());
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(error_code_of([&] { storage->set_item("user", context, {.timeout = 100ms}); }),
            errc::timed_out);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  EXPECT_FALSE(context.has_pending_save());
}

TEST_F(SQLiteFault, WaitsForAnotherWriterToFinish) {
  const auto storage = open();
  auto lock = std::make_unique<WriteLock>(file());
  auto saved = storage->set_item_async("user", make_context("x"), asio::use_future);
  EXPECT_EQ(saved.wait_for(50ms), std::future_status::timeout);
  lock.reset();
  saved.get();
  EXPECT_TRUE(storage->contains("user"));
}

// ---- the file under an open storage ------------------------------------------------------------

TEST_F(SQLiteFault, NoticesThatTheFileWasRemoved) {
  const auto storage = open();
  storage->set_item("user", make_context("x"));
  std::filesystem::remove(file());
  std::string text;
  EXPECT_EQ(error_code_of([&] { storage->set_item("user", make_context("y")); }, &text),
            errc::io_error);
  EXPECT_NE(text.find("open the storage again"), std::string::npos) << text;
}

TEST_F(SQLiteFault, ReportsDamageAndNotAbsence) {
  {
    const auto storage = open("?durable=no");
    for (int i = 0; i < 200; ++i) storage->set_item(i, make_context("x", 10));
  }
  std::string bytes = read_bytes(file());
  std::fill(bytes.begin() + 4096, bytes.end(), '\xee');
  write_bytes(file(), bytes);
  std::string text;
  EXPECT_EQ(error_code_of([&] { (void)open()->find(7); }, &text), errc::corrupt);
  EXPECT_NE(text.find("dialogstore check"), std::string::npos) << text;
}

// ---- a full disk -------------------------------------------------------------------------------

TEST_F(SQLiteFault, SaysStorageFullAndWritesNothingOfTheSave) {
  const auto storage = open();
  Context context = make_context("x");
  storage->set_item("user", context);
  const Context before = storage->get_item("user");
  {
    const FileSizeLimit limit(std::filesystem::file_size(file() + "-wal") + 20'000);
    Context large = storage->get_item("user");
    large.set_misc("noise", Json(std::string(300'000, 'n')));
    std::string text;
    EXPECT_EQ(error_code_of([&] { storage->set_item("user", large); }, &text), errc::storage_full);
    EXPECT_NE(text.find("free space"), std::string::npos) << text;
    EXPECT_EQ(storage->get_item("user"), before);
  }
  context.add_request("after");
  storage->set_item("user", context);  // space is back, and so is the store
  EXPECT_EQ(open()->get_item("user"), context);
  EXPECT_TRUE(storage->check(false).sound());
}

// Fills a disk of 600 KB that only this process sees. Its exit code tells what went wrong.
int fill_tiny_disk(const std::string& folder) {
  constexpr int not_permitted = 77;
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=600k") != 0) {
    return not_permitted;
  }
  SQLiteContextStorage storage("sqlite:///" + folder + "/dialogs.db");
  std::uint64_t saved = 0;
  const errc code = error_code_of([&] {
    for (;; ++saved) {
      Context context;
      context.set_misc("noise", Json(std::string(20'000, 'n')));
      storage.set_item(saved, context);
    }
  });
  if (code != errc::storage_full) return 2;
  if (storage.len() != saved) return 3;
  return storage.check(false).sound() ? 0 : 4;
}

TEST_F(SQLiteFault, SaysStorageFullOnADiskThatIsFull) {
  const int code =
      exit_status_of(start_child([&] { return fill_tiny_disk(folder_.path().string()); }));
  if (code == 77) GTEST_SKIP() << "this user may not mount a small disk";
  EXPECT_EQ(code, 0);
}

// ---- a file that may only be read ---------------------------------------------------------------

// Permissions mean nothing to root, so this runs as nobody in a process of its own. Its exit code
// tells the first step that went wrong.
int use_read_only_store(const std::string& file) {
  constexpr uid_t nobody = 65534;
  if (::getuid() == 0 && ::setuid(nobody) != 0) return 5;
  SQLiteContextStorage storage("sqlite:///" + file);
  if (storage.get_item("user").turn_count() != 1) return 2;
  Context context = storage.get_item("user");
  context.add_request("y");
  std::string text;
  const errc code = error_code_of([&] { storage.set_item("user", context); }, &text);
  if (code != errc::read_only) std::cerr << text << '\n';
  return code == errc::read_only && text.find("writable") != std::string::npos ? 0 : 3;
}

TEST_F(SQLiteFault, ReadsAFileThatItMayNotWrite) {
  const Pipe go;
  const pid_t reader = start_child([&] {
    static_cast<void>(go.read());
    return use_read_only_store(file());
  });
  const auto keeper = open();  // another process has it open, so that its log is there to be read
  keeper->set_item("user", make_context("x"));
  std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::filesystem::permissions(file() + suffix, std::filesystem::perms(0444));
  }
  go.write(1);
  EXPECT_EQ(exit_status_of(reader), 0);
}

}  // namespace
}  // namespace dialogstore::test
