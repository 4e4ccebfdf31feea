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
  return arguments.size() >= 11 &&
         ((arguments[0] == "EVALSHA" && arguments[1] == redis::save_script().sha1()) ||
          (arguments[0] == "EVAL" && arguments[1] == redis::save_script().text()) ||
          arguments[1] == sha);
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
    note_save(*line, call->arguments);
    line->parked.push_back(std::move(call));
  };
  events.abandoned = [this, line = line.get()](const std::shared_ptr<ParkedCall>& call) {
    std::erase(line->parked, call);
    const double x = die();
    if (x < 0.5) {
      late_.push_back({call->arguments});
    } else if (x < 0.8) {
      execute(call->arguments, false);
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
  if (x < 0.012) {
    constexpr std::int64_t jumps[] = {1'000, 2'000, 9'000, 40'000, 700'000};
    move_clock(jumps[pick(std::size(jumps))]);
  } else if (x < 0.016) {
    ++counts_["script flush"];
    redis({"SCRIPT", "FLUSH"});
  } else if (x < 0.09 && !late_.empty()) {
    const std::size_t which = pick(late_.size());
    const auto arguments = late_[which].arguments;
    late_.erase(late_.begin() + static_cast<std::ptrdiff_t>(which));
    ++counts_["late"];
    execute(arguments, true);
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
  redis::ExecResult result;
  const double lost = options_.churns ? 2.0 : 1.0;
  if (x < 0.055) {
    ++counts_["request lost"];
    result = no_reply(redis::Sent::maybe);
  } else if (x < 0.065) {
    ++counts_["not sent"];
    result = no_reply(redis::Sent::no);
  } else if (x < 0.065 + 0.07 * lost) {
    ++counts_["reply lost"];
    execute(arguments, false);
    result = no_reply(redis::Sent::maybe);
  } else if (x < 0.065 + 0.17 * lost) {
    ++counts_["delayed"];
    late_.push_back({arguments});
    result = no_reply(redis::Sent::maybe);
  } else if (x < 0.095 + 0.17 * lost) {
    ++counts_["doubled"];
    result = to_result(execute(arguments, false));
    late_.push_back({arguments});
  } else if (x < 0.125 + 0.17 * lost && is_save(arguments, script_sha_)) {
    ++counts_["out of memory"];
    redis({"CONFIG", "SET", "maxmemory", "1"});
    const RedisReply reply = execute(arguments, false);
    redis({"CONFIG", "SET", "maxmemory", "0"});
    result = to_result(reply);
  } else {
    result = to_result(execute(arguments, false));
  }
  ParkedCall::answer(call, std::move(result));
  settle(line);
}

void ProtocolWorld::note_save(const Line& line, const std::vector<std::string>& arguments) {
  if (!is_save(arguments, script_sha_)) {
    return;
  }
  // A token belongs to the call that first sent it; a later call may send it again to settle it.
  const std::string& own = arguments[5];
  if (token_operations_.contains(own)) {
    ++counts_["sent again"];
    return;
  }
  for (const auto& client : clients_) {
    if (client->line == &line && client->operation && client->operation->is_write()) {
      token_operations_[own] = client->operation;
    }
  }
}

SentSave ProtocolWorld::save_of(const std::vector<std::string>& arguments, bool is_late) {
  SentSave save;
  save.key = arguments[3];
  save.base = arguments[4];
  save.own = arguments[5];
  save.fence = arguments[7];
  save.op = arguments[8].at(0);
  save.rows = arguments.size() - 11;
  save.is_late = is_late;
  const auto found = token_operations_.find(save.own);
  if (found == token_operations_.end()) {
    throw std::logic_error("a save that no call sent");
  }
  save.operation = found->second;
  return save;
}

RedisReply ProtocolWorld::execute(const std::vector<std::string>& arguments, bool is_late) {
  ++tick_;
  ++counts_["commands"];
  std::vector<std::string> command = arguments;
  if (command[0] == "TIME") {
    RedisReply reply = redis(command);
    reply.elements.at(0).text =
        std::to_string(std::stoll(reply.elements.at(0).text) + virtual_now_ / 1000);
    return reply;
  }
  if (!is_save(command, script_sha_)) {
    RedisReply reply = server_.command(command);
    for (const auto& [key, oracle] : oracles_) {
      check(key);
    }
    return reply;
  }
  command[1] = command[0] == "EVAL" ? script_ : script_sha_;
  const RedisReply reply = server_.command(command);
  const std::string& key = arguments[3];
  if (reply.is_error()) {
    ++counts_["error " + reply.text.substr(0, reply.text.find(' '))];
  } else {
    const char answer = reply.elements.at(0).text.at(0);
    ++counts_[std::string("answer ") + answer + (is_late ? " late" : "")];
    if (answer == 'S') {
      ++counts_[std::string("saved ") + arguments[8]];
    }
    oracles_[key].on_answer(save_of(arguments, is_late), answer, tick_, rows_of(key));
  }
  check(key);
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
  const auto deadline = std::chrono::steady_clock::now() + 60s;
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
  client.signal->emit(asio::cancellation_type::terminal);
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (!client.ended) {
    loop_.restart();
    loop_.run_one_for(1s);
    if (std::chrono::steady_clock::now() > deadline) {
      throw Violation("a cancelled call does not end");
    }
  }
  settle(*client.line);
  end_operation(client);
}

}  // namespace dialogstore::test
