// A small blocking client for the tests themselves: looks behind the library's back. It shares no
// code with the library.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace dialogstore::test {

struct RedisReply {
  // lost: there is no reply; the connection could not be made or broke, `text` says why.
  enum class Kind { nil, integer, status, bulk, array, error, lost };

  Kind kind = Kind::nil;
  std::string text;  // of a status, bulk or error
  std::int64_t integer = 0;
  std::vector<RedisReply> elements;

  bool is_nil() const { return kind == Kind::nil; }
  bool is_error() const { return kind == Kind::error || kind == Kind::lost; }
  // The texts of an array's elements.
  std::vector<std::string> texts() const;
};

struct RedisAddress {
  std::string host = "127.0.0.1";
  int port = 0;
  std::string unix_path;  // used instead of host and port if not empty
  std::string user;
  std::string password;
  std::chrono::milliseconds timeout = std::chrono::seconds(10);
};

// Threads: may be used from several, one command at a time. Connects when first used and again
// after the connection broke; never sends a command twice.
class RedisClient {
 public:
  explicit RedisClient(RedisAddress address);
  ~RedisClient();

  RedisReply command(const std::vector<std::string>& arguments);
  void disconnect();

 private:
  struct Connection;

  RedisReply connect();

  RedisAddress address_;
  std::mutex mutex_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace dialogstore::test
