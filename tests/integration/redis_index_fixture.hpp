// A namespace of its own in a real server, its contexts and its listing.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "support/redis_server.hpp"
#include "support/row_log_driver.hpp"

namespace dialogstore::test {

class RedisIndex : public ::testing::Test {
 protected:
  RedisIndex() { options_.name_space = unique_name(); }
  redis::LinkSettings link() const {
    redis::LinkSettings link;
    link.endpoint.host = RedisServer::host();
    link.endpoint.port = static_cast<std::uint16_t>(server_.port());
    return link;
  }
  RowLogDriver& log() {
    if (!log_) log_ = std::make_unique<RowLogDriver>(link(), options_);
    return *log_;
  }
  std::string index() const { return options_.name_space + ":index:0"; }
  std::string name(const std::string& key) const { return options_.name_space + ":{" + key + "}"; }
  Version create(const std::string& key) {
    const auto own = random_token();
    EXPECT_EQ(log().save(key, make_create(own)).answer, SaveAnswer::saved);
    return {1, own};
  }
  bool is_listed(const std::string& key) {
    return !server_.command({"ZSCORE", index(), key}).is_nil();
  }
  void set_score(const std::string& key, std::chrono::microseconds age) {
    const auto time = server_.command({"TIME"}).texts();
    const auto now = std::stoll(time.at(0)) * 1'000'000 + std::stoll(time.at(1));
    server_.command({"ZADD", index(), std::to_string(now - age.count()), key});
  }
  std::uint64_t count() { return log().run(log().rows().count(log().in(patience))); }
  CheckReport check(bool repair) {
    return log().run(log().rows().check_listing(repair, log().in(patience)));
  }
  ScanPage page(std::string cursor, ScanOptions options) {
    return log().run(log().rows().scan(std::move(cursor), options, log().in(patience)));
  }
  std::vector<std::string> scan(ScanOptions options) {
    std::vector<std::string> keys;
    std::string cursor;
    do {
      auto some = page(cursor, options);
      for (auto& key : some.keys) keys.push_back(key.text());
      cursor = some.cursor;
    } while (!cursor.empty());
    return keys;
  }

  static constexpr std::chrono::seconds patience{15};

  RedisServer& server_ = shared_redis();
  StorageOptions options_;
  std::unique_ptr<RowLogDriver> log_;
};

}  // namespace dialogstore::test
