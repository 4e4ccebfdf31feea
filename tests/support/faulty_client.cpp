#include "support/faulty_client.hpp"

#include <boost/asio/post.hpp>
#include <charconv>
#include <deque>
#include <stdexcept>

#include "flow/wait_on.hpp"

namespace dialogstore::test {
namespace {

// What the views of a Reply lie in.
struct Arena {
  std::deque<std::string> texts;
  std::deque<std::vector<redis::ReplyNode>> lists;

  redis::ReplyNode add(const RedisReply& reply) {
    redis::ReplyNode node;
    switch (reply.kind) {
      case RedisReply::Kind::nil:
        node.kind = redis::ReplyKind::nil;
        break;
      case RedisReply::Kind::integer:
        node.kind = redis::ReplyKind::integer;
        node.integer = reply.integer;
        break;
      case RedisReply::Kind::status:
        node.kind = redis::ReplyKind::status;
        break;
      case RedisReply::Kind::bulk:
        node.kind = redis::ReplyKind::string;
        break;
      case RedisReply::Kind::error:
      case RedisReply::Kind::lost:
        node.kind = redis::ReplyKind::error;
        break;
      case RedisReply::Kind::array: {
        node.kind = redis::ReplyKind::array;
        auto& list = lists.emplace_back();
        for (const RedisReply& element : reply.elements) {
          list.push_back(add(element));
        }
        node.elements = list;
        break;
      }
    }
    node.text = texts.emplace_back(reply.text);
    return node;
  }
};

std::size_t read_number(std::string_view& text, char mark) {
  const std::size_t end = text.find("\r\n");
  std::size_t number = 0;
  if (end == std::string_view::npos || text.empty() || text[0] != mark ||
      std::from_chars(text.data() + 1, text.data() + end, number).ptr != text.data() + end) {
    throw std::runtime_error("not a command");
  }
  text.remove_prefix(end + 2);
  return number;
}

redis::ExecResult closed_result() {
  return {.failure = errc::closed, .sent = redis::Sent::maybe, .detail = "closed", .reply = {}};
}

}  // namespace

void ParkedCall::answer(const std::shared_ptr<ParkedCall>& call, redis::ExecResult result) {
  asio::post(call->executor_, [call, result = std::move(result)]() mutable {
    call->answered_ = true;
    call->result_ = std::move(result);
    call->wake_.cancel();
  });
}

Task<redis::ExecResult> FaultyClient::exec(std::uint16_t /*slot*/, std::string request,
                                           redis::Clock::time_point /*deadline*/) {
  const auto call = std::make_shared<ParkedCall>(executor_);
  call->arguments = decode_command(request);
  if (is_closed_) {
    co_return closed_result();
  }
  std::erase_if(calls_, [](const auto& old) { return old.expired(); });
  calls_.push_back(call);
  asio::post(loop_, [events = &events_, call] { events->arrived(call); });
  co_await wait_on(&call->wake_);
  if (call->answered_) {
    co_return std::move(call->result_);
  }
  if (is_closed_) {
    co_return closed_result();
  }
  asio::post(loop_, [events = &events_, call] { events->abandoned(call); });
  co_return redis::ExecResult{
      .failure = errc::canceled, .sent = redis::Sent::maybe, .detail = "cancelled", .reply = {}};
}

Task<redis::ExecResult> FaultyClient::exec_together(std::uint16_t /*slot*/,
                                                    std::string /*requests*/, unsigned /*count*/,
                                                    redis::Clock::time_point) {
  throw std::logic_error("no test parks several commands");
}

void FaultyClient::close() {
  is_closed_ = true;
  for (const auto& waiting : calls_) {
    if (const auto call = waiting.lock()) {
      call->wake_.cancel();
    }
  }
}

std::vector<std::string> decode_command(std::string_view request) {
  std::vector<std::string> arguments(read_number(request, '*'));
  for (std::string& argument : arguments) {
    const std::size_t size = read_number(request, '$');
    if (request.size() < size + 2) {
      throw std::runtime_error("not a command");
    }
    argument = request.substr(0, size);
    request.remove_prefix(size + 2);
  }
  return arguments;
}

redis::ExecResult to_result(const RedisReply& reply) {
  if (reply.kind == RedisReply::Kind::lost) {
    throw std::runtime_error("the server is gone: " + reply.text);
  }
  auto arena = std::make_shared<Arena>();
  const auto* root = &arena->lists.emplace_back(1, arena->add(reply)).front();
  redis::ExecResult result;
  result.reply = redis::Reply(root, std::move(arena));
  return result;
}

redis::ExecResult no_reply(redis::Sent sent, errc why) {
  return {.failure = why, .sent = sent, .detail = "a fault of the test", .reply = {}};
}

}  // namespace dialogstore::test
