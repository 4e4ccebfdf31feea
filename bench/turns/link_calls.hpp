// This library's connection as the naive ways and `link` use it: one for all dialogs.
#pragma once

#include <memory>
#include <string>

#include "flow/task.hpp"
#include "redis/link.hpp"
#include "storage/io_thread.hpp"

namespace dialogstore::bench {

namespace asio = boost::asio;

class LinkCalls {
 public:
  /// @param store redis://host:port/db
  explicit LinkCalls(const std::string& store);
  ~LinkCalls();
  LinkCalls(const LinkCalls&) = delete;
  LinkCalls& operator=(const LinkCalls&) = delete;

  [[nodiscard]] asio::any_io_executor executor() { return thread_.executor(); }
  /// Throws std::runtime_error when there is no reply, or an error.
  Task<redis::Reply> call(std::string request);

 private:
  IoThread thread_;
  std::shared_ptr<redis::RedisLink> link_;
};

}  // namespace dialogstore::bench
