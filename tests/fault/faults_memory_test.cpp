// A server without room, in memory or on the disk, and contexts that go by themselves.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include <cstring>
#include <fstream>

#include "support/eventually.hpp"
#include "support/fault_run.hpp"
#include "support/fault_storages.hpp"

namespace dialogstore::test {
namespace {

using What = AllowedLoss::What;

// Nothing here has to do with deadlines.
const std::string patient = "timeout=10s";

void set_memory(RedisServer& server, std::int64_t bytes) {
  server.command({"CONFIG", "SET", "maxmemory", std::to_string(bytes)});
}

TEST(Faults, OutOfMemory) {
  RedisServer server;
  FaultRun run({.name = "maxmemory_noeviction",
                .promise = "saves are refused whole, loads and deletes go on",
                .told = {errc::server_out_of_memory}},
               storages_at(server, patient), server);
  const auto reader = context_storage_factory(run.uri());
  run.repeat([&] {
    set_memory(server, 1);
    EXPECT_TRUE(run.workload().are_refused(10));
    EXPECT_NO_THROW(static_cast<void>(reader->find(run.workload().a_key(run.random()()))));
    set_memory(server, 0);
  });
  run.finish();
}

TEST(Faults, Evicted) {
  RedisServer server({.config = {"maxmemory-policy allkeys-random"}});
  FaultRun run({.name = "maxmemory_eviction",
                .promise = "evicted contexts are gone, not replaced in silence; check relists",
                .told = {errc::server_out_of_memory},
                .may_lose = true,
                .may_unlist = true},
               storages_at(server, patient), server);
  run.repeat([&] {
    const auto from = right_now();
    const auto evicted = server.info("evicted_keys");
    set_memory(server, std::stoll(server.info("used_memory")) - 2000);
    EXPECT_TRUE(eventually([&] { return server.info("evicted_keys") != evicted; }));
    set_memory(server, 0);
    run.allow_loss(What::everything, from);
  });
  run.finish();
}

TEST(Faults, Expired) {
  RedisServer server;
  FaultRun run({.name = "ttl_mid_save",
                .promise = "an expired context is gone, never half there",
                .told = {},
                .may_lose = true,
                .may_unlist = true},
               storages_at(server, patient + "&ttl=1h"), server);
  const auto from = right_now();
  run.repeat([&] {
    for (int i = 0; i < 20; ++i) {
      const auto name = run.name_of(run.workload().a_key(run.random()()));
      server.command({"PEXPIRE", name, std::to_string(1 + run.random()() % 4)});
      EXPECT_TRUE(run.workload().goes_on(2));
    }
  });
  run.allow_loss(What::everything, from);
  EXPECT_NE(server.info("expired_keys"), "0");
  run.finish();
}

// What is saved between them must not fill the disk by itself.
constexpr std::size_t most_fillings = 100;

// A file system of its own that is seen by this thread and its children alone, and goes with them.
class SmallDisk {
 public:
  SmallDisk() {
    is_there_ = ::unshare(CLONE_NEWNS) == 0 &&
                ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                ::mount("none", folder_.path().c_str(), "tmpfs", 0, "size=3m") == 0;
    if (!is_there_) why_ = std::strerror(errno);
  }
  ~SmallDisk() {
    if (is_there_) ::umount2(folder_.path().c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  bool is_there() const { return is_there_; }
  std::string why_not() const { return "no right to mount a tmpfs, so no full disk: " + why_; }
  std::string path() const { return folder_.path(); }
  void fill() const {
    std::ofstream file(folder_ / "filler", std::ios::binary);
    const std::string block(512, 'x');
    while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  }
  void free() const { std::filesystem::remove(folder_ / "filler"); }

 private:
  TempDir folder_;
  bool is_there_ = false;
  std::string why_;
};

TEST(Faults, DiskFull) {
  const SmallDisk disk;
  if (!disk.is_there()) GTEST_SKIP() << disk.why_not();
  RedisServer server(
      {.config = {"dir " + disk.path(), "appendfsync everysec"}, .is_append_only = true});
  FaultRun run({.name = "disk_full_everysec",
                .promise = "storage_full, nothing written; loads go on; goes on when there is room",
                .told = {errc::storage_full}},
               storages_at(server, patient), server);
  const auto reader = context_storage_factory(run.uri());
  const auto round = [&] {
    disk.fill();
    EXPECT_TRUE(run.workload().are_refused(10));
    EXPECT_NO_THROW(static_cast<void>(reader->find(run.workload().a_key(run.random()()))));
    disk.free();
  };
  run.repeat(round, most_fillings);
  run.finish();
}

TEST(Faults, DiskFullWhenEverySaveIsSynced) {
  const SmallDisk disk;
  if (!disk.is_there()) GTEST_SKIP() << disk.why_not();
  RedisServer server({.config = {"dir " + disk.path()}, .is_append_only = true});
  FaultRun run({.name = "disk_full_always",
                .promise = "the server ends; nothing acknowledged is lost when it is back",
                .told = told_besides(errc::server_busy)},  // it reads its file
               storages_at(server), server);
  const auto round = [&] {
    disk.fill();
    EXPECT_TRUE(eventually([&] { return server.command({"PING"}).is_error(); }));
    disk.free();
    server.restart();
  };
  run.repeat(round, most_fillings);
  run.finish();
}

}  // namespace
}  // namespace dialogstore::test
