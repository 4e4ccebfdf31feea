#include "support/redis_client.hpp"

#include <hiredis/hiredis.h>
#include <signal.h>

#include <utility>

namespace dialogstore::test {
namespace {

timeval to_timeval(std::chrono::milliseconds time) {
  timeval result{};
  result.tv_sec = static_cast<decltype(result.tv_sec)>(time.count() / 1000);
  result.tv_usec = static_cast<decltype(result.tv_usec)>(time.count() % 1000 * 1000);
  return result;
}

RedisReply lost(const redisContext* context) {
  return {.kind = RedisReply::Kind::lost,
          .text = context == nullptr ? "out of memory" : context->errstr};
}

RedisReply to_reply(const redisReply& from) {
  RedisReply to;
  switch (from.type) {
    case REDIS_REPLY_NIL:
      break;
    case REDIS_REPLY_INTEGER:
      to.kind = RedisReply::Kind::integer;
      to.integer = from.integer;
      break;
    case REDIS_REPLY_STATUS:
      to.kind = RedisReply::Kind::status;
      to.text.assign(from.str, from.len);
      break;
    case REDIS_REPLY_ERROR:
      to.kind = RedisReply::Kind::error;
      to.text.assign(from.str, from.len);
      break;
    case REDIS_REPLY_ARRAY:
      to.kind = RedisReply::Kind::array;
      for (std::size_t i = 0; i < from.elements; ++i) {
        to.elements.push_back(to_reply(*from.element[i]));
      }
      break;
    default:
      to.kind = RedisReply::Kind::bulk;
      to.text.assign(from.str, from.len);
  }
  return to;
}

RedisReply exchange(redisContext* context, const std::vector<std::string>& arguments) {
  std::vector<const char*> data;
  std::vector<std::size_t> sizes;
  for (const auto& argument : arguments) {
    data.push_back(argument.data());
    sizes.push_back(argument.size());
  }
  std::unique_ptr<void, decltype(&freeReplyObject)> reply(
      redisCommandArgv(context, static_cast<int>(data.size()), data.data(), sizes.data()),
      &freeReplyObject);
  return reply == nullptr ? lost(context) : to_reply(*static_cast<redisReply*>(reply.get()));
}

}  // namespace

struct RedisClient::Connection {
  std::unique_ptr<redisContext, decltype(&redisFree)> context{nullptr, &redisFree};
};

std::vector<std::string> RedisReply::texts() const {
  std::vector<std::string> result;
  for (const auto& element : elements) {
    result.push_back(element.text);
  }
  return result;
}

// hiredis writes to a connection that the server has closed as to any other.
RedisClient::RedisClient(RedisAddress address)
    : address_(std::move(address)), connection_(std::make_unique<Connection>()) {
  ::signal(SIGPIPE, SIG_IGN);
}

RedisClient::~RedisClient() = default;

RedisReply RedisClient::connect() {
  const timeval timeout = to_timeval(address_.timeout);
  auto& context = connection_->context;
  context.reset(address_.unix_path.empty()
                    ? redisConnectWithTimeout(address_.host.c_str(), address_.port, timeout)
                    : redisConnectUnixWithTimeout(address_.unix_path.c_str(), timeout));
  if (context == nullptr || context->err != 0) {
    return lost(context.get());
  }
  redisSetTimeout(context.get(), timeout);
  if (address_.password.empty()) {
    return {};
  }
  return address_.user.empty()
             ? exchange(context.get(), {"AUTH", address_.password})
             : exchange(context.get(), {"AUTH", address_.user, address_.password});
}

RedisReply RedisClient::command(const std::vector<std::string>& arguments) {
  const std::lock_guard lock(mutex_);
  auto& context = connection_->context;
  if (context == nullptr) {
    if (auto answer = connect(); answer.is_error()) {
      context.reset();
      return answer;
    }
  }
  auto reply = exchange(context.get(), arguments);
  if (reply.kind == RedisReply::Kind::lost) {
    context.reset();
  }
  return reply;
}

void RedisClient::disconnect() {
  const std::lock_guard lock(mutex_);
  connection_->context.reset();
}

}  // namespace dialogstore::test
