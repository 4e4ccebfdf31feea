#include "redis/reply.hpp"

namespace dialogstore::redis {

const ReplyNode& Reply::root() const noexcept {
  static constexpr ReplyNode nil{};
  return root_ != nullptr ? *root_ : nil;
}

}  // namespace dialogstore::redis
