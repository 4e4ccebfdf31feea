// Bytes of the server into replies: hiredis's redisReader, with the bounds it does not have itself.
//
// The peer is not trusted. What a length or a count announces is judged before memory is taken for
// it, so that a few hostile bytes cost a few bytes.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dialogstore/error.hpp"
#include "dialogstore/limits.hpp"
#include "redis/reply.hpp"

namespace dialogstore::redis {

class ReplyReader {
 public:
  /// @param max_reply_bytes of the texts of one reply
  explicit ReplyReader(std::size_t max_reply_bytes = limits::reply_bytes);
  ~ReplyReader();
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  /// Takes the next bytes of the stream and appends every reply that is whole now to `replies`.
  /// False: the stream cannot be understood from here on, see failure(); the replies before that
  /// place have been appended, and the reader accepts nothing more.
  [[nodiscard]] bool feed(std::string_view bytes, std::vector<Reply>& replies);

  /// too_large (a limit of limits.hpp) or protocol_error; errc{} while all is well.
  [[nodiscard]] errc failure() const noexcept;
  [[nodiscard]] const std::string& detail() const noexcept;

 private:
  class Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace dialogstore::redis
