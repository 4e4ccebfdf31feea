// The embedded store on a real file: what is kept.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <thread>

#include "dialogstore/uri.hpp"
#include "integration/sqlite_fixture.hpp"

namespace dialogstore::test {
namespace {

class SQLite : public SQLiteStore {};

TEST_F(SQLite, KeepsContextsWhenTheFileIsOpenedAgain) {
  Context context = make_context("hello", 30);
  open()->set_item("user", context);
  EXPECT_EQ(open()->get_item("user"), context);
}

TEST_F(SQLite, TakesAnyByteInAKey) {
  const auto storage = open();
  const std::string key("a\0b'\"\xff%\n", 8);
  storage->set_item(key, make_context("x"));
  EXPECT_TRUE(storage->contains(key));
  EXPECT_FALSE(storage->contains("a"));
  EXPECT_EQ(storage->scan().keys.at(0).text(), key);
}

TEST_F(SQLite, KeepsNamespacesApart) {
  const auto one = open("?namespace=one");
  const auto two = open("?namespace=two");
  one->set_item("user", make_context("one"));
  EXPECT_FALSE(two->contains("user"));
  two->set_item("user", make_context("two"));
  EXPECT_EQ(one->clear(), 1U);
  EXPECT_EQ(one->len(), 0U);
  EXPECT_EQ(two->len(), 1U);
  EXPECT_EQ(two->get_item("user").request(0)->text, "two0");
}

TEST_F(SQLite, WritesOneRowForOneMoreTurn) {
  const auto storage = open("?seal_after=1000");
  Context context = make_context("x", 5);
  storage->set_item("user", context);
  const std::int64_t before = number("SELECT count(*) FROM log_rows");
  context.add_response("y");
  storage->set_item("user", context);
  EXPECT_EQ(number("SELECT count(*) FROM log_rows"), before + 1);
}

TEST_F(SQLite, SealsAndTrimsWithoutLosingATurn) {
  const auto storage = open("?seal_after=2");
  Context context = make_context("x");
  for (int i = 1; i < 60; ++i) {
    context.add_request("x" + std::to_string(i));
    if (i == 40) context.clear(10);
    storage->set_item("user", context);
    ASSERT_EQ(open()->get_item("user"), context) << i;
  }
  EXPECT_TRUE(storage->check(false).sound());
}

TEST_F(SQLite, ReportsAConflictAndWritesNothing) {
  const auto storage = open();
  storage->set_item("user", make_context("x"));
  Context mine = storage->get_item("user");
  Context theirs = open()->get_item("user");
  theirs.add_request("theirs");
  storage->set_item("user", theirs);
  mine.add_request("mine");
  EXPECT_EQ(error_code_of([&] { storage->set_item("user", mine); }), errc::conflict);
  EXPECT_EQ(storage->get_item("user"), theirs);
}

TEST_F(SQLite, TakesOnePathForOneStoreHoweverItIsWritten) {
  std::filesystem::create_symlink("dialogs.db", folder_ / "link.db");
  open()->set_item("user", make_context("x"));
  SQLiteContextStorage link("sqlite:///" + (folder_ / "link.db").string());
  Context context = link.get_item("user");
  context.add_request("y");
  open()->set_item("user", context);  // on top of what it was loaded from, not in its place
  EXPECT_EQ(open()->get_item("user").turn_count(), 2U);
}

TEST_F(SQLite, MakesTheFileForItsOwnerAlone) {
  open()->set_item("user", make_context("x"));
  struct stat status {};
  ASSERT_EQ(::stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(SQLite, ShowsAPathThatParsesBack) {
  const std::string name = folder_ / "odd #1?.db";
  const SQLiteContextStorage storage(name, SQLiteOptions{});
  EXPECT_EQ(parse_uri(storage.full_path()).file, name);
  EXPECT_TRUE(std::filesystem::exists(name));
}

TEST_F(SQLite, LetsManyStoragesAppendToOneContext) {
  open()->set_item("user", make_context("x"));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto storage = open("?durable=no");
      for (int turn = 0; turn < 25; ++turn) storage->append("user", Turn{.request = "y"});
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(open()->get_item("user").turn_count(), 101U);
}

}  // namespace
}  // namespace dialogstore::test
