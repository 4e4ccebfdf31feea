// The world's server: executes what is sent to it, by a clock that the world moves on, and looks
// after each save whether what it holds is what it must hold.
#include <cstdint>
#include <stdexcept>
#include <string>

#include "redis/script.hpp"
#include "support/protocol_world.hpp"

namespace dialogstore::test {
namespace {

const char* const clock_key = "test:clock";

// The server's clock as the world wants it: whole seconds are added to what TIME says.
std::string with_virtual_time(std::string script) {
  const std::string time = "redis.call('TIME')";
  const std::string moved =
      "(function() local t=redis.call('TIME') "
      "t[1]=t[1]+(tonumber(redis.call('GET','test:clock')) or 0) return t end)()";
  const std::size_t at = script.find(time);
  if (at == std::string::npos) {
    throw std::logic_error("the script does not ask for the time");
  }
  return script.replace(at, time.size(), moved);
}

// That of the last row. A touch has no row; nobody asks whose it was.
std::string own_token(const std::vector<std::string>& arguments) {
  return arguments.size() > 5 ? arguments.back().substr(8, 8) : arguments[4];
}

// A part of a save's first argument.
std::string fence_of(const std::string& head) {
  std::uint64_t fence = 0;
  for (const char byte : head.substr(8, 6)) fence = fence << 8U | static_cast<unsigned char>(byte);
  return std::to_string(fence);
}

}  // namespace

void ProtocolWorld::prepare_server() {
  redis({"FLUSHALL"});
  redis({"SCRIPT", "FLUSH"});
  redis({"SET", clock_key, "0"});
  script_ =
      with_virtual_time(options_.script.empty() ? redis::save_script().text() : options_.script);
  script_sha_ = redis({"SCRIPT", "LOAD", script_}).text;
}

RedisReply ProtocolWorld::redis(const std::vector<std::string>& command) {
  RedisReply reply = server_.command(command);
  if (reply.is_error()) {
    throw std::runtime_error(command[0] + ": " + reply.text);
  }
  return reply;
}

std::vector<std::string> ProtocolWorld::rows_of(const std::string& key) {
  return redis({"LRANGE", key, "0", "-1"}).texts();
}

bool ProtocolWorld::is_save(const ParkedCall& call) const {
  const auto& arguments = call.arguments;
  const auto& script = redis::save_script();
  return arguments.size() >= 5 &&
         ((arguments[0] == "EVALSHA" && arguments[1] == script.sha1()) ||
          (arguments[0] == "EVAL" && arguments[1] == script.text()) || arguments[1] == script_sha_);
}

void ProtocolWorld::note(const Line& line, ParkedCall& call) {
  for (const auto& client : clients_) {
    if (client->line == &line) {
      call.sender = client->operation;
    }
  }
  if (!is_save(call) || !call.sender) {
    return;
  }
  // A token belongs to the call that first sent it; a later call may send it again to settle it.
  if (!token_operations_.try_emplace(own_token(call.arguments), call.sender).second) {
    ++counts_["sent again"];
  }
}

SentSave ProtocolWorld::save_of(const ParkedCall& call, bool is_late) const {
  const auto& arguments = call.arguments;
  SentSave save;
  save.key = arguments[3];
  const std::string& head = arguments[4];
  save.own = own_token(arguments);
  save.op = head.at(0);
  save.fence = fence_of(head);
  save.base = head.substr(18);
  save.rows = arguments.size() - 5;
  save.sender = call.sender;
  save.is_late = is_late;
  save.operation = token_operations_.at(save.own);
  return save;
}

RedisReply ProtocolWorld::execute(const ParkedCall& call, bool is_late) {
  ++tick_;
  ++counts_["commands"];
  const auto& command = call.arguments;
  if (command[0] == "TIME") {
    RedisReply reply = redis(command);
    reply.elements.at(0).text =
        std::to_string(std::stoll(reply.elements.at(0).text) + virtual_now_ / 1000);
    return reply;
  }
  if (is_save(call)) {
    return execute_save(call, is_late);
  }
  const RedisReply reply = server_.command(command);
  const bool reads = command[0] == "LRANGE" || command[0] == "LINDEX" || command[0] == "HGETALL" ||
                     command[0] == "ZSCORE" || command[0] == "ZRANGE" || command[0] == "EXISTS";
  if (!reads) {
    std::string text = command[0] == "EVAL" || command[0] == "EVALSHA" ? "script" : command[0];
    for (std::size_t i = 1; i < command.size(); ++i) {
      text += ' ' + command[i].substr(0, 40);
    }
    trace(text + (is_late ? " (late)" : ""));
    for (const auto& [key, oracle] : oracles_) {
      check(key);
    }
  }
  return reply;
}

RedisReply ProtocolWorld::execute_save(const ParkedCall& call, bool is_late) {
  std::vector<std::string> command = call.arguments;
  command[1] = command[0] == "EVAL" ? script_ : script_sha_;
  const RedisReply reply = server_.command(command);
  const SentSave save = save_of(call, is_late);
  const std::string answer =
      reply.is_error() ? reply.text.substr(0, reply.text.find(' ')) : reply.elements.at(0).text;
  trace("save " + save.key + " op " + save.op + " of call " + std::to_string(save.operation->id) +
        " sent by call " + std::to_string(save.sender->id) +
        (save.base.empty() ? " on nothing" : "") + " fence " + save.fence +
        (is_late ? " (late)" : "") + " -> " + answer);
  if (reply.is_error()) {
    ++counts_["error " + answer];
  } else {
    ++counts_["answer " + answer + (is_late ? " late" : "")];
    if (answer == "S") {
      ++counts_[std::string("saved ") + save.op];
    }
    oracles_[save.key].on_answer(save, answer.at(0), tick_, rows_of(save.key));
  }
  check(save.key);
  return reply;
}

void ProtocolWorld::check(const std::string& key) {
  const KeyOracle& oracle = oracles_[key];
  oracle.check_rows(rows_of(key));
  if (!oracle.is_live()) {
    return;
  }
  ++counts_["full checks"];
  const std::string name_space = key.substr(0, 1);
  const std::int64_t life = redis({"PTTL", key}).integer;
  if (name_space == "A" ? life != -1 : life < 0 || life > lifetime.count()) {
    throw Violation("the expiry is " + std::to_string(life) + " in namespace " + name_space);
  }
  const std::string name = key.substr(3, key.size() - 4);
  if (redis({"ZSCORE", name_space + ":index:0", name}).is_nil()) {
    throw Violation("a context is not listed");
  }
}

void ProtocolWorld::move_clock(std::int64_t milliseconds) {
  ++counts_["clock moved"];
  ++tick_;
  trace("clock +" + std::to_string(milliseconds));
  virtual_now_ += milliseconds;
  redis({"SET", clock_key, std::to_string(virtual_now_ / 1000)});
  for (const std::string& key : redis({"KEYS", "?:{*"}).texts()) {
    const std::int64_t life = redis({"PTTL", key}).integer;
    if (life < 0) {
      continue;
    }
    if (life > milliseconds) {
      redis({"PEXPIRE", key, std::to_string(life - milliseconds)});
      continue;
    }
    redis({"DEL", key});
    ++counts_[oracles_[key].is_live() ? "expired" : "tombstone expired"];
    oracles_[key].on_expiry(tick_);
  }
}

}  // namespace dialogstore::test
