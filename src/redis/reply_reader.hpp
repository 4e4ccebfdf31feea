// Bytes of the server into replies, of RESP2 and RESP3.
//
// The peer is not trusted. What a length or a count announces is judged before anything is done
// for it, and no byte is looked at more than twice, in whatever pieces they come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dialogstore/error.hpp"
#include "dialogstore/limits.hpp"
#include "redis/reply.hpp"
#include "redis/reply_builder.hpp"

namespace dialogstore::redis {

class ReplyReader {
 public:
  /// @param max_reply_bytes of the texts of one reply
  explicit ReplyReader(std::size_t max_reply_bytes = limits::reply_bytes)
      : max_reply_bytes_(max_reply_bytes) {}
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  /// Takes the next bytes of the stream and appends every reply that is whole now to `replies`.
  /// False: the stream cannot be understood from here on, see failure(); the replies before that
  /// place have been appended, and the reader accepts nothing more.
  [[nodiscard]] bool feed(std::string_view bytes, std::vector<Reply>& replies);

  /// too_large (a limit of limits.hpp) or protocol_error; errc{} while all is well.
  [[nodiscard]] errc failure() const noexcept { return failure_; }
  [[nodiscard]] const std::string& detail() const noexcept { return detail_; }

 private:
  struct Number;
  struct UnfinishedString {
    char* begin = nullptr;  ///< null: there is none
    std::size_t size = 0;   ///< with the end of line behind it
    std::size_t filled = 0;
    char type = 0;
  };

  void read(std::string_view bytes, std::vector<Reply>& replies);
  std::string_view complete_line(std::string_view bytes, std::vector<Reply>& replies);
  std::string_view complete_string(std::string_view bytes, std::vector<Reply>& replies);
  const char* read_parts(const char* at, const char* end, std::vector<Reply>& replies);
  const char* read_part(const char* at, const char* end, bool& is_whole);
  const char* read_string(const char* at, const char* end, bool& is_whole);
  const char* read_list(const char* at, const char* end, bool& is_whole);
  bool add_string(char type, std::string_view text, bool is_reserved, bool& is_whole);
  const char* read_line(const char* at, const char* end, bool& is_whole);
  bool add_line(char type, std::string_view text, bool& is_whole);
  bool has_room_for(std::uint64_t length);
  void take_reply(std::vector<Reply>& replies);
  const char* no_number(const Number& number, const char* at);
  std::nullptr_t fail(errc failure, std::string detail);
  std::nullptr_t fail_protocol(const char* what);

  std::size_t max_reply_bytes_;
  ReplyBuilder builder_;        ///< of the reply being read
  std::size_t text_bytes_ = 0;  ///< of the reply being read
  std::size_t elements_ = 0;    ///< of the reply being read
  std::string line_;            ///< that has not come whole
  UnfinishedString string_;
  errc failure_{};
  std::string detail_;
};

}  // namespace dialogstore::redis
