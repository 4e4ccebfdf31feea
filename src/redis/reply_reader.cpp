#include "redis/reply_reader.hpp"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory_resource>
#include <new>
#include <utility>

#include "redis/reply_extent.hpp"

namespace dialogstore::redis {
namespace {

// A status, an error or a number is one line; the longest a server sends is a script's error text.
constexpr std::size_t max_line_bytes = 64U << 10;
// "$" or "*" was read already: a number in decimal and the end of line.
constexpr std::size_t max_header_bytes = 24;
// redisReader moves what it has not read yet after each reply above 1 KiB: short slices keep that
// cheap.
constexpr std::size_t slice_bytes = 16U << 10;

// Types of RESP3, which this library never asks for.
constexpr const char* foreign_type_text = "the server sent a reply of a type nobody asked for";

// hiredis 1.0 moved the stack of tasks to the heap and counts elements in size_t.
#if HIREDIS_MAJOR >= 1
using ElementCount = std::size_t;  // createArray's
const redisReadTask& current_task(const redisReader& reader) {
  return *reader.task[reader.ridx];
}
#else
using ElementCount = int;
const redisReadTask& current_task(const redisReader& reader) {
  return reader.rstack[reader.ridx];
}
#endif

// What a reply lies in. Its first block follows the object itself (RoomBehind) and has room for all
// of nearly every reply: one allocation for a reply of up to 64 KiB.
class Arena {
 public:
  explicit Arena(std::size_t room) noexcept : first_(this + 1), left_(room) {}
  void* allocate(std::size_t bytes, std::size_t alignment) {
    if (void* const place = std::align(alignment, bytes, first_, left_)) {
      first_ = static_cast<std::byte*>(place) + bytes;
      left_ -= bytes;
      return place;
    }
    return more_.allocate(bytes, alignment);
  }

 private:
  void* first_;
  std::size_t left_;
  std::pmr::monotonic_buffer_resource more_{most_slack};
  static constexpr std::size_t most_slack = 1024;
};

// Allocates what shared_ptr asks for, and `room` bytes behind it.
template <class Value>
struct RoomBehind {
  using value_type = Value;

  explicit RoomBehind(std::size_t bytes) noexcept : room(bytes) {}
  template <class Other>
  RoomBehind(const RoomBehind<Other>& other) noexcept : room(other.room) {}

  Value* allocate(std::size_t count) {
    return static_cast<Value*>(::operator new(count * sizeof(Value) + room));
  }
  void deallocate(Value* values, std::size_t /*count*/) noexcept { ::operator delete(values); }
  template <class Other>
  friend bool operator==(const RoomBehind& a, const RoomBehind<Other>& b) noexcept {
    return a.room == b.room;
  }

  std::size_t room;
};

// A status, a number, a short array of them.
constexpr std::size_t usual_room = 256;
// What is taken for an array before its elements have come: each is told and judged by itself.
constexpr std::size_t largest_room = 64U << 10;

std::size_t room_of(const Extent& array) noexcept {
  constexpr std::size_t of_node = sizeof(ReplyNode) + alignof(ReplyNode);
  return of_node + array.elements * (of_node + sizeof(ReplyNode*)) + array.text_bytes;
}

struct ReaderDelete {
  void operator()(redisReader* reader) const noexcept { redisReaderFree(reader); }
};

}  // namespace

class ReplyReader::Parser {
 public:
  explicit Parser(std::size_t max_reply_bytes);

  bool feed(std::string_view bytes, std::vector<Reply>& replies);
  errc failure() const noexcept { return failure_; }
  const std::string& detail() const noexcept { return detail_; }

 private:
  // Called by redisReader, through its C table; null tells it to stop.
  static void* on_string(const redisReadTask* task, char* text, std::size_t length);
  static void* on_array(const redisReadTask* task, ElementCount count);
  static void* on_integer(const redisReadTask* task, long long value);
  static void* on_nil(const redisReadTask* task);
  static void* on_foreign_type(const redisReadTask* task);
  static redisReplyObjectFunctions make_functions() noexcept;

  [[nodiscard]] std::size_t next_slice(std::string_view bytes) const noexcept;
  bool feed_slice(std::string_view bytes, std::vector<Reply>& replies);
  bool check_unfinished();
  bool check_bulk_length(std::string_view header);
  std::string oversize_text() const;
  void* stop(errc failure, std::string detail);
  bool fail(errc failure, std::string detail);
  bool fail_as_reader();

  void make_room(std::size_t elements);
  ReplyNode* add_node(const redisReadTask& task, ReplyKind kind);
  void* add_string(const redisReadTask& task, const char* text, std::size_t length);
  void* add_array(const redisReadTask& task, std::size_t count);
  template <class Add>
  static void* guarded(const redisReadTask* task, Add add) noexcept;

  std::size_t max_reply_bytes_;
  redisReplyObjectFunctions functions_ = make_functions();
  std::unique_ptr<redisReader, ReaderDelete> reader_;
  std::shared_ptr<Arena> arena_;  // of the reply being read
  std::size_t text_bytes_ = 0;    // of the reply being read
  std::size_t elements_ = 0;      // of the reply being read
  errc failure_{};
  std::string detail_;
};

ReplyReader::Parser::Parser(std::size_t max_reply_bytes)
    : max_reply_bytes_(max_reply_bytes), reader_(redisReaderCreateWithFunctions(&functions_)) {
  if (!reader_) {
    throw std::bad_alloc();
  }
  reader_->privdata = this;
}

redisReplyObjectFunctions ReplyReader::Parser::make_functions() noexcept {
  redisReplyObjectFunctions functions{};
  functions.createString = &on_string;
  functions.createArray = &on_array;
  functions.createInteger = &on_integer;
  functions.createNil = &on_nil;
#if HIREDIS_MAJOR >= 1
  functions.createDouble = [](const redisReadTask* task, double, char*, std::size_t) {
    return on_foreign_type(task);
  };
  functions.createBool = [](const redisReadTask* task, int) { return on_foreign_type(task); };
#endif
  functions.freeObject = [](void*) {};  // everything belongs to the arena
  return functions;
}

bool ReplyReader::Parser::feed(std::string_view bytes, std::vector<Reply>& replies) {
  while (failure_ == errc{} && !bytes.empty()) {
    const std::string_view slice = bytes.substr(0, next_slice(bytes));
    bytes.remove_prefix(slice.size());
    feed_slice(slice, replies);
  }
  return failure_ == errc{};
}

// A whole reply at a time, where it can be seen: then nothing is left to be moved.
std::size_t ReplyReader::Parser::next_slice(std::string_view bytes) const noexcept {
  // Asked for a reply that has not begun, redisReader has a task without a type for it.
  const bool has_begun =
      reader_->ridx > 0 || (reader_->ridx == 0 && current_task(*reader_).type >= 0);
  const bool is_between_replies = !has_begun && reader_->pos == reader_->len;
  const std::size_t whole = is_between_replies ? whole_array(bytes) : 0;
  return whole != 0 ? whole : slice_bytes;
}

bool ReplyReader::Parser::feed_slice(std::string_view bytes, std::vector<Reply>& replies) {
  if (redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) != REDIS_OK) {
    return fail_as_reader();
  }
  while (true) {
    void* root = nullptr;
    if (redisReaderGetReply(reader_.get(), &root) != REDIS_OK) {
      return fail_as_reader();
    }
    if (root == nullptr) {
      return check_unfinished();
    }
    replies.emplace_back(static_cast<const ReplyNode*>(root), std::move(arena_));
    arena_.reset();
    text_bytes_ = 0;
    elements_ = 0;
  }
}

// redisReader waits for the end of a line or of a string without any bound of its own.
bool ReplyReader::Parser::check_unfinished() {
  const std::string_view unread(reader_->buf + reader_->pos, reader_->len - reader_->pos);
  if (reader_->ridx < 0 || unread.empty()) {
    return true;
  }
  const int type = current_task(*reader_).type;
  if (type != REDIS_REPLY_STRING && type != REDIS_REPLY_ARRAY) {
    return unread.size() <= max_line_bytes ||
           fail(errc::protocol_error, "the server sent a line that does not end");
  }
  const std::size_t end = unread.substr(0, max_header_bytes).find("\r\n");
  if (end == std::string_view::npos) {
    return unread.size() < max_header_bytes ||
           fail(errc::protocol_error, "the server sent a length that is not a number");
  }
  return type == REDIS_REPLY_ARRAY || check_bulk_length(unread.substr(0, end));
}

bool ReplyReader::Parser::check_bulk_length(std::string_view header) {
  std::size_t length = 0;
  const auto [end, error] = std::from_chars(header.data(), header.data() + header.size(), length);
  if (error != std::errc{} || end != header.data() + header.size()) {
    return true;  // redisReader says what is wrong as soon as the line is whole
  }
  if (length > max_reply_bytes_ - text_bytes_) {
    return fail(errc::too_large, oversize_text());
  }
  return true;
}

std::string ReplyReader::Parser::oversize_text() const {
  return "the server's reply is larger than " + std::to_string(max_reply_bytes_) + " bytes";
}

// For use while redisReader runs, which reports the stop to its caller.
void* ReplyReader::Parser::stop(errc failure, std::string detail) {
  failure_ = failure;
  detail_ = std::move(detail);
  return nullptr;
}

bool ReplyReader::Parser::fail(errc failure, std::string detail) {
  stop(failure, std::move(detail));
  arena_.reset();
  reader_.reset();
  return false;
}

bool ReplyReader::Parser::fail_as_reader() {
  if (failure_ != errc{}) {
    return fail(failure_, std::move(detail_));
  }
  // What redisReader quotes of the peer's bytes it has made printable.
  return fail(errc::protocol_error,
              "the server does not speak the Redis protocol: " + std::string(reader_->errstr));
}

// For a reply that begins; of an array the elements are unread yet.
void ReplyReader::Parser::make_room(std::size_t elements) {
  const std::string_view unread(reader_->buf + reader_->pos, reader_->len - reader_->pos);
  const std::size_t room =
      elements == 0 ? usual_room
                    : std::clamp(room_of(measure(unread, elements)), usual_room, largest_room);
  arena_ = std::allocate_shared<Arena>(RoomBehind<Arena>(room), room);
}

ReplyNode* ReplyReader::Parser::add_node(const redisReadTask& task, ReplyKind kind) {
  if (!arena_) {
    make_room(0);
  }
  auto* node = ::new (arena_->allocate(sizeof(ReplyNode), alignof(ReplyNode))) ReplyNode{};
  node->kind = kind;
  if (task.parent != nullptr) {
    // Readers see a constant array; until the reply is whole it is ours to fill.
    const auto& siblings = static_cast<const ReplyNode*>(task.parent->obj)->elements;
    auto** slots = const_cast<const ReplyNode**>(siblings.data());
    slots[task.idx] = node;
  }
  return node;
}

void* ReplyReader::Parser::add_string(const redisReadTask& task, const char* text,
                                      std::size_t length) {
  ReplyKind kind = ReplyKind::string;
  if (task.type == REDIS_REPLY_STATUS) {
    kind = ReplyKind::status;
  } else if (task.type == REDIS_REPLY_ERROR) {
    kind = ReplyKind::error;
  } else if (task.type != REDIS_REPLY_STRING) {
    return stop(errc::protocol_error, foreign_type_text);
  }
  // redisReader skips the two bytes after a string whatever they are.
  if (text[length] != '\r' || text[length + 1] != '\n') {
    return stop(errc::protocol_error, "the server sent a string longer than announced");
  }
  if (length > max_reply_bytes_ - text_bytes_) {
    return stop(errc::too_large, oversize_text());
  }
  text_bytes_ += length;
  ReplyNode* node = add_node(task, kind);
  if (length != 0) {
    auto* copy = static_cast<char*>(arena_->allocate(length, 1));
    std::memcpy(copy, text, length);
    node->text = std::string_view(copy, length);
  }
  return node;
}

void* ReplyReader::Parser::add_array(const redisReadTask& task, std::size_t count) {
  if (task.type != REDIS_REPLY_ARRAY) {
    return stop(errc::protocol_error, foreign_type_text);
  }
  if (static_cast<std::size_t>(reader_->ridx) >= limits::reply_depth) {
    return stop(errc::protocol_error, "the server's reply is nested too deep");
  }
  if (count > limits::reply_elements - elements_) {
    return stop(errc::too_large, "the server's reply has more than " +
                                     std::to_string(limits::reply_elements) + " elements");
  }
  elements_ += count;
  if (!arena_) {
    make_room(count);
  }
  ReplyNode* node = add_node(task, ReplyKind::array);
  if (count != 0) {
    auto** slots = static_cast<const ReplyNode**>(
        arena_->allocate(count * sizeof(const ReplyNode*), alignof(const ReplyNode*)));
    node->elements = std::span<const ReplyNode* const>(slots, count);
  }
  return node;
}

// No exception may pass through redisReader, which is C.
template <class Add>
void* ReplyReader::Parser::guarded(const redisReadTask* task, Add add) noexcept {
  auto& parser = *static_cast<Parser*>(task->privdata);
  try {
    return add(parser);
  } catch (const std::bad_alloc&) {
    parser.failure_ = errc::too_large;
    return nullptr;
  }
}

void* ReplyReader::Parser::on_string(const redisReadTask* task, char* text, std::size_t length) {
  return guarded(task, [&](Parser& parser) { return parser.add_string(*task, text, length); });
}

void* ReplyReader::Parser::on_array(const redisReadTask* task, ElementCount count) {
  return guarded(task, [&](Parser& parser) {
    return parser.add_array(*task, static_cast<std::size_t>(count));
  });
}

void* ReplyReader::Parser::on_integer(const redisReadTask* task, long long value) {
  return guarded(task, [&](Parser& parser) -> void* {
    ReplyNode* node = parser.add_node(*task, ReplyKind::integer);
    node->integer = value;
    return node;
  });
}

void* ReplyReader::Parser::on_nil(const redisReadTask* task) {
  return guarded(task,
                 [&](Parser& parser) -> void* { return parser.add_node(*task, ReplyKind::nil); });
}

void* ReplyReader::Parser::on_foreign_type(const redisReadTask* task) {
  return guarded(
      task, [](Parser& parser) { return parser.stop(errc::protocol_error, foreign_type_text); });
}

ReplyReader::ReplyReader(std::size_t max_reply_bytes)
    : parser_(std::make_unique<Parser>(max_reply_bytes)) {}

ReplyReader::~ReplyReader() = default;

bool ReplyReader::feed(std::string_view bytes, std::vector<Reply>& replies) {
  return parser_->feed(bytes, replies);
}

errc ReplyReader::failure() const noexcept {
  return parser_->failure();
}

const std::string& ReplyReader::detail() const noexcept {
  return parser_->detail();
}

}  // namespace dialogstore::redis
