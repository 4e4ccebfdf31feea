// Several storages of the real code on one real server, one step at a time: every request waits
// until this world decides, by a seeded die, whether it arrives, late, twice, or not at all; and
// after every step what the server holds is compared with what it must hold (protocol_oracle.hpp).
#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "dialogstore/options.hpp"
#include "dialogstore/storage_engine.hpp"
#include "support/faulty_client.hpp"
#include "support/protocol_oracle.hpp"
#include "support/redis_server.hpp"

namespace dialogstore::test {

struct WorldOptions {
  std::uint64_t seed = 1;
  std::string script;   ///< the save script; empty: the library's
  bool churns = false;  ///< more creates, deletes and lost calls, fewer saves
};

class ProtocolWorld {
 public:
  /// Empties the server: no two worlds on one at a time.
  ProtocolWorld(RedisServer& server, WorldOptions options);
  ~ProtocolWorld();
  ProtocolWorld(const ProtocolWorld&) = delete;
  ProtocolWorld& operator=(const ProtocolWorld&) = delete;

  /// Throws Violation.
  void run(int steps);
  /// How often what happened, for people: a run in which nothing went wrong proves nothing.
  [[nodiscard]] const std::map<std::string, int>& counts() const { return counts_; }
  /// The last events, oldest first: how a violation came about.
  [[nodiscard]] const std::deque<std::string>& events() const { return events_; }

 private:
  /// A context in the hands of a client, and what was done to it since it was stored.
  struct Object {
    Context context;
    Changes changes;
  };
  /// A storage: one client on one namespace.
  struct Line {
    std::string name_space;
    std::shared_ptr<StorageEngine> engine;
    std::vector<std::shared_ptr<ParkedCall>> parked;
  };
  struct Client {
    int number = 0;
    std::vector<std::unique_ptr<Line>> lines;  ///< by namespace
    std::map<std::string, std::shared_ptr<Object>> objects;
    // The call under way.
    std::shared_ptr<Operation> operation;
    Line* line = nullptr;
    std::shared_ptr<Object> object;
    std::unique_ptr<asio::cancellation_signal> signal;
    std::int64_t virtual_start = 0;
    std::optional<std::exception_ptr> ended;
    std::function<void()> on_success;
  };

  // protocol_world.cpp: the clients' lines and the faults
  std::unique_ptr<Line> open_line(int client, const std::string& name_space);
  void step();
  void step_client(Client& client);
  void decide(Client& client, Line& line, std::shared_ptr<ParkedCall> call);
  void trace(std::string event);
  void cancel(Client& client);
  void wait_for(Client& client);
  void settle(Line& line);

  // protocol_server.cpp: what the server executes and holds
  void prepare_server();
  RedisReply redis(const std::vector<std::string>& command);
  std::vector<std::string> rows_of(const std::string& key);
  [[nodiscard]] bool is_save(const ParkedCall& call) const;
  void note(const Line& line, ParkedCall& call);
  [[nodiscard]] SentSave save_of(const ParkedCall& call, bool is_late) const;
  RedisReply execute(const ParkedCall& call, bool is_late);
  RedisReply execute_save(const ParkedCall& call, bool is_late);
  void check(const std::string& key);
  void move_clock(std::int64_t milliseconds);

  // protocol_users.cpp: what the clients do
  void start_operation(Client& client);
  void start_load(Client& client, const std::string& name);
  void start_load_turns(Client& client, const std::string& name);
  void start_scan(Client& client);
  void start_save(Client& client, const std::string& name);
  void start_set(Client& client, const std::string& name, bool create);
  void start_append(Client& client, const std::string& name);
  void start_erase(Client& client, const std::string& name);
  void change(Client& client, Object& object, const std::string& key);
  void save_object(Client& client, const std::string& name, SaveMode mode, ConflictPolicy policy);
  std::shared_ptr<Operation> begin(Client& client, OperationKind kind, const std::string& name,
                                   std::size_t line);
  void end_operation(Client& client);
  void check_end(const Client& client, errc code, const std::string& text) const;
  std::shared_ptr<Change> new_turn();
  template <class... Results>
  Handler<Results...> handler(Client& client,
                              std::type_identity_t<std::function<void(Results...)>> on_success);

  /// Of contexts in the namespace B.
  static constexpr std::chrono::milliseconds lifetime{30'000};

  std::size_t pick(std::size_t count) { return random_() % count; }
  double die() { return static_cast<double>(random_() >> 11U) * 0x1p-53; }

  RedisServer& server_;
  WorldOptions options_;
  std::mt19937_64 random_;
  asio::io_context loop_;
  std::string script_, script_sha_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::shared_ptr<ParkedCall>> late_;  ///< copies that nobody waits for
  std::map<std::string, KeyOracle> oracles_;
  std::map<std::string, std::shared_ptr<Operation>> token_operations_;
  std::map<std::string, int> counts_;
  std::deque<std::string> events_;
  std::int64_t virtual_now_ = 0;  ///< milliseconds the server's clock was moved on
  int tick_ = 0;
  int last_operation_ = 0;
  int last_turn_ = 0;
};

}  // namespace dialogstore::test
