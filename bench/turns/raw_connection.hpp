// The least that sends requests and counts replies: a socket, a buffer each way, and the order in
// which the askers wait.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace dialogstore::bench {

/// Where the first reply in `bytes` ends; 0 when it is not all there. Throws std::runtime_error for
/// an error of the server, and for what is no reply.
[[nodiscard]] std::size_t reply_end(std::string_view bytes);

class RawConnection {
 public:
  /// @param store redis://host:port/db. Throws std::runtime_error.
  explicit RawConnection(const std::string& store);
  ~RawConnection();
  RawConnection(RawConnection&&) noexcept;
  RawConnection& operator=(RawConnection&&) = delete;

  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  /// Keeps the request until `send`.
  void add(std::uint32_t asker, std::string_view request);
  /// Sends what was added.
  void send();
  /// Waits for bytes and calls `on_reply(asker, reply)` for each reply that they end.
  template <class OnReply>
  void receive(OnReply on_reply) {
    read_some();
    std::size_t taken = 0;
    const std::string_view all = input_;
    while (const auto size = reply_end(all.substr(taken))) {
      const auto asker = askers_.front();
      askers_.pop_front();
      on_reply(asker, all.substr(taken, size));
      taken += size;
    }
    input_.erase(0, taken);
  }

 private:
  void read_some();

  int descriptor_ = -1;
  std::string input_;
  std::string output_;
  std::deque<std::uint32_t> askers_;
};

}  // namespace dialogstore::bench
