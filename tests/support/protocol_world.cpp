#include "support/protocol_world.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <future>

#include "redis/redis_row_log.hpp"
#include "storage/io_thread.hpp"
#include "storage/log_context_storage.hpp"

namespace dialogstore::test {
namespace {

using namespace std::chrono_literals;

constexpr auto longest_call = 5'000ms;
constexpr auto clock_tolerance = 10'000ms;

}  // namespace

ProtocolWorld::ProtocolWorld(RedisServer& server, WorldOptions options)
    : server_(server), options_(std::move(options)), random_(options_.seed) {
  prepare_server();
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
  options.ttl = name_space == "B" ? lifetime : 0ms;
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
  } else if (x < 0.125 + 0.17 * lost && is_save(*call)) {
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

void ProtocolWorld::trace(std::string event) {
  constexpr std::size_t most = 400;
  events_.push_back(std::to_string(tick_) + ' ' + std::move(event));
  if (events_.size() > most) {
    events_.pop_front();
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
