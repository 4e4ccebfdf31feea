#include "support/protocol_world.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <future>

#include "redis/redis_row_log.hpp"
#include "redis/script.hpp"
#include "storage/io_thread.hpp"
#include "storage/log_context_storage.hpp"

namespace dialogstore::test {
namespace {

using namespace std::chrono_literals;

constexpr auto longest_call = 5'000ms;
constexpr auto expiry = 30'000ms;
constexpr auto clock_tolerance = 10'000ms;
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

bool is_save(const std::vector<std::string>& arguments, const std::string& sha) {
  return arguments.size() >= 5 &&
         ((arguments[0] == "EVALSHA" && arguments[1] == redis::save_script().sha1()) ||
          (arguments[0] == "EVAL" && arguments[1] == redis::save_script().text()) ||
          arguments[1] == sha);
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

ProtocolWorld::ProtocolWorld(RedisServer& server, WorldOptions options)
    : server_(server), options_(std::move(options)), random_(options_.seed) {
  redis({"FLUSHALL"});
  redis({"SCRIPT", "FLUSH"});
  redis({"SET", clock_key, "0"});
  script_ =
      with_virtual_time(options_.script.empty() ? redis::save_script().text() : options_.script);
  script_sha_ = redis({"SCRIPT", "LOAD", script_}).text;
  for (int number = 0; number < 4; ++number) {
    auto client = std::make_unique<Client>();
    client->number = number;
    for (const char* name_space : {"A", "B"}) {
      client->lines.push_back(open_line(number, name_space));
    }
    clients_.push_back(std::move(client));
  }
}

ProtocolWorld::~ProtocolWorld() {
  for (const auto& client : clients_) {
    for (const auto& line : client->lines) {
      line->engine->close();
    }
  }
  loop_.poll();
  server_.command({"CONFIG", "SET", "maxmemory", "0"});
}

std::unique_ptr<ProtocolWorld::Line> ProtocolWorld::open_line(int client,
                                                              const std::string& name_space) {
  constexpr std::uint16_t seal_after[] = {4, 4, 2, 8};
  StorageOptions options;
  options.name_space = name_space;
  options.timeout = longest_call;
  options.ttl = name_space == "B" ? expiry : 0ms;
  options.history = client % 2 == 0 ? History::recent : History::all;
  options.seal_after = seal_after[client];
  auto line = std::make_unique<Line>();
  line->name_space = name_space;
  FaultyEvents events;
  events.arrived = [this, line = line.get()](std::shared_ptr<ParkedCall> call) {
    note(*line, *call);
    line->parked.push_back(std::move(call));
  };
  events.abandoned = [this, line = line.get()](const std::shared_ptr<ParkedCall>& call) {
    std::erase(line->parked, call);
    const double x = die();
    if (x < 0.5) {
      late_.push_back(call);
    } else if (x < 0.8) {
      execute(*call, false);
    }
  };
  auto thread = std::make_unique<IoThread>();
  auto faulty = std::make_shared<FaultyClient>(thread->executor(), loop_, std::move(events));
  auto rows = redis::make_redis_row_log(
      std::move(faulty), options,
      {.identity = "world/" + name_space, .user = {}, .clock_tolerance = clock_tolerance});
  line->engine = make_log_engine(std::move(thread), std::move(rows), options);
  return line;
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

void ProtocolWorld::run(int steps) {
  for (int i = 0; i < steps; ++i) {
    step();
  }
}

void ProtocolWorld::step() {
  const double x = die();
  if (x < 0.006) {
    constexpr std::int64_t jumps[] = {1'000, 2'000, 9'000, 40'000, 700'000};
    move_clock(jumps[pick(std::size(jumps))]);
  } else if (x < 0.010) {
    ++counts_["script flush"];
    redis({"SCRIPT", "FLUSH"});
  } else if (x < 0.09 && !late_.empty()) {
    const std::size_t which = pick(late_.size());
    const auto call = late_[which];
    late_.erase(late_.begin() + static_cast<std::ptrdiff_t>(which));
    ++counts_["late"];
    execute(*call, true);
  } else {
    step_client(*clients_[pick(clients_.size())]);
  }
}

void ProtocolWorld::step_client(Client& client) {
  if (client.operation && virtual_now_ - client.virtual_start > longest_call.count()) {
    ++counts_["deadline"];
    cancel(client);  // what its deadline would do
    return;
  }
  std::vector<std::pair<Line*, std::shared_ptr<ParkedCall>>> waiting;
  for (const auto& line : client.lines) {
    for (const auto& call : line->parked) {
      waiting.emplace_back(line.get(), call);
    }
  }
  // Without a call under way what waits is the storage's own work behind it.
  if (!client.operation && (waiting.empty() || pick(2) == 0)) {
    start_operation(client);
  } else if (!waiting.empty()) {
    auto [line, call] = waiting[pick(waiting.size())];
    decide(client, *line, std::move(call));
  }
  wait_for(client);
}

void ProtocolWorld::decide(Client& client, Line& line, std::shared_ptr<ParkedCall> call) {
  const double x = die();
  const auto& arguments = call->arguments;
  if (client.operation && x < 0.015) {
    const bool forgets = pick(2) == 0;
    ++counts_[forgets ? "caller gone" : "cancelled"];
    const std::string key = client.operation->key;
    cancel(client);
    if (forgets) {
      client.objects.erase(key);
    }
    return;
  }
  std::erase(line.parked, call);
  const std::string what =
      arguments[0] + " of call " + std::to_string(call->sender ? call->sender->id : 0);
  redis::ExecResult result;
  const double lost = options_.churns ? 2.0 : 1.0;
  if (x < 0.055) {
    ++counts_["request lost"];
    trace("request lost: " + what);
    result = no_reply(redis::Sent::maybe);
  } else if (x < 0.065) {
    ++counts_["not sent"];
    trace("not sent: " + what);
    result = no_reply(redis::Sent::no);
  } else if (x < 0.065 + 0.07 * lost) {
    ++counts_["reply lost"];
    trace("reply lost: " + what);
    execute(*call, false);
    result = no_reply(redis::Sent::maybe);
  } else if (x < 0.065 + 0.17 * lost) {
    ++counts_["delayed"];
    trace("delayed: " + what);
    late_.push_back(call);
    result = no_reply(redis::Sent::maybe);
  } else if (x < 0.095 + 0.17 * lost) {
    ++counts_["doubled"];
    trace("doubled: " + what);
    result = to_result(execute(*call, false));
    late_.push_back(call);
  } else if (x < 0.125 + 0.17 * lost && is_save(arguments, script_sha_)) {
    ++counts_["out of memory"];
    trace("out of memory: " + what);
    redis({"CONFIG", "SET", "maxmemory", "1"});
    const RedisReply reply = execute(*call, false);
    redis({"CONFIG", "SET", "maxmemory", "0"});
    result = to_result(reply);
  } else {
    result = to_result(execute(*call, false));
  }
  ParkedCall::answer(call, std::move(result));
  settle(line);
}

void ProtocolWorld::note(const Line& line, ParkedCall& call) {
  for (const auto& client : clients_) {
    if (client->line == &line) {
      call.sender = client->operation;
    }
  }
  if (!is_save(call.arguments, script_sha_) || !call.sender) {
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

void ProtocolWorld::trace(std::string event) {
  constexpr std::size_t most = 400;
  events_.push_back(std::to_string(tick_) + ' ' + std::move(event));
  if (events_.size() > most) {
    events_.pop_front();
  }
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
  if (is_save(command, script_sha_)) {
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
  if (name_space == "A" ? life != -1 : life < 0 || life > expiry.count()) {
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

void ProtocolWorld::settle(Line& line) {
  // What is posted now runs behind everything that was ready; a few rounds reach what that posts.
  for (int round = 0; round < 3; ++round) {
    asio::post(line.engine->executor(), asio::use_future).wait();
    loop_.restart();
    loop_.poll();
  }
}

// Until the client's call waits for the world, or has ended.
void ProtocolWorld::wait_for(Client& client) {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (client.operation && !client.ended && client.line->parked.empty()) {
    loop_.restart();
    loop_.run_one_for(1s);
    if (std::chrono::steady_clock::now() > deadline) {
      throw Violation("a call neither ends nor sends anything");
    }
  }
  if (client.operation) {
    settle(*client.line);
  }
  if (client.ended) {
    end_operation(client);
  }
}

void ProtocolWorld::cancel(Client& client) {
  trace("cancel call " + std::to_string(client.operation->id));
  client.signal->emit(asio::cancellation_type::terminal);
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!client.ended) {
    loop_.restart();
    loop_.run_one_for(100ms);
    if (std::chrono::steady_clock::now() > deadline) {
      throw Violation("a cancelled call does not end");
    }
  }
  settle(*client.line);
  end_operation(client);
}

}  // namespace dialogstore::test
