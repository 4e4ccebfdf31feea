#include "recording.hpp"

#include <fstream>

#include "dialogstore/context_storage.hpp"
#include "dialogstore/uri.hpp"
#include "ours.hpp"
#include "redis/keys.hpp"
#include "redis/redis_client.hpp"
#include "redis/redis_row_log.hpp"
#include "run_on.hpp"
#include "storage/log_context_storage.hpp"
#include "support/faulty_client.hpp"

namespace dialogstore::bench {
namespace {

// As long as the library allows: a save's request names the time from which it is refused.
constexpr const char* longest_timeout = "&timeout=10m";

/// Keeps the loads and saves of one context that go to the server.
class RecordingClient final : public redis::RedisClient {
 public:
  explicit RecordingClient(std::shared_ptr<redis::RedisClient> client)
      : client_(std::move(client)) {}

  Task<redis::ExecResult> exec(std::uint16_t slot, std::string request,
                               redis::Clock::time_point deadline) override {
    if (turn_ != nullptr && concerns_context(request)) turn_->push_back(request);
    return client_->exec(slot, std::move(request), deadline);
  }
  Task<redis::ExecResult> exec_together(std::uint16_t slot, std::string requests, unsigned count,
                                        redis::Clock::time_point deadline) override {
    return client_->exec_together(slot, std::move(requests), count, deadline);
  }
  [[nodiscard]] bool spans_slots() const noexcept override { return client_->spans_slots(); }
  [[nodiscard]] redis::LinkStatistics statistics() const override { return client_->statistics(); }
  [[nodiscard]] asio::any_io_executor executor() const override { return client_->executor(); }
  void close() override { client_->close(); }

  /// From now on; both must live until the next call.
  void record_into(TurnRequests* turn, const std::string* context_name) {
    turn_ = turn;
    context_name_ = context_name;
  }

 private:
  [[nodiscard]] bool concerns_context(const std::string& request) const {
    for (const auto& argument : test::decode_command(request)) {
      if (argument == *context_name_) return true;
    }
    return false;
  }

  std::shared_ptr<redis::RedisClient> client_;
  TurnRequests* turn_ = nullptr;
  const std::string* context_name_ = nullptr;
};

/// ours-recent over a client that records.
class RecordedStorage final : public DBContextStorage {
 public:
  static std::unique_ptr<RecordedStorage> open(const std::string& path) {
    const auto uri = parse_uri(path);
    auto thread = std::make_unique<IoThread>();
    redis::LinkSettings link;
    link.endpoint = {uri.redis.host, uri.redis.port, uri.redis.unix_path};
    link.database = uri.redis.database;
    auto client = std::make_shared<RecordingClient>(
        redis::make_single_server(thread->executor(), link, uri.redis.connections));
    auto rows = redis::make_redis_row_log(client, uri.options, {path, {}, {}});
    auto engine = make_log_engine(std::move(thread), std::move(rows), uri.options);
    return std::unique_ptr<RecordedStorage>(
        new RecordedStorage(path, std::move(engine), std::move(client), uri.options.name_space));
  }

  Task<void> play(const Material& material, std::uint32_t dialog, std::uint32_t number,
                  TurnRequests* requests) {
    const auto key = key_of(dialog);
    const auto name = names_.context(key).text;
    client_->record_into(requests, &name);
    auto context = co_await loaded(*this, key);
    add_turn(context, material.turn(dialog, number));
    co_await saved(*this, key, context);
    client_->record_into(nullptr, nullptr);
  }

 private:
  RecordedStorage(std::string path, std::shared_ptr<StorageEngine> engine,
                  std::shared_ptr<RecordingClient> client, std::string name_space)
      : DBContextStorage(std::move(path), std::move(engine)),
        client_(std::move(client)),
        names_(std::move(name_space)) {}

  std::shared_ptr<RecordingClient> client_;
  redis::KeyNames names_;
};

void write_number(std::ostream& out, std::size_t number) {
  out << number << ' ';
}

std::size_t read_number(std::istream& in) {
  std::size_t number = 0;
  in >> number;
  in.get();
  return number;
}

}  // namespace

// Numbers in decimal, each with one space behind it; a request is its length and its bytes.
void Recording::write(const std::string& file) const {
  std::ofstream out(file, std::ios::binary);
  write_number(out, dialogs.size());
  for (const auto& turns : dialogs) {
    write_number(out, turns.size());
    for (const auto& requests : turns) {
      write_number(out, requests.size());
      for (const auto& request : requests) {
        write_number(out, request.size());
        out.write(request.data(), static_cast<std::streamsize>(request.size()));
      }
    }
  }
  if (!out.flush()) throw std::runtime_error(file + ": it cannot be written");
}

Recording Recording::read(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  Recording recording;
  recording.dialogs.resize(read_number(in));
  for (auto& turns : recording.dialogs) {
    turns.resize(read_number(in));
    for (auto& requests : turns) {
      requests.resize(read_number(in));
      for (auto& request : requests) {
        request.resize(read_number(in));
        in.read(request.data(), static_cast<std::streamsize>(request.size()));
      }
    }
  }
  if (!in || recording.dialogs.empty()) throw std::runtime_error(file + ": it is no recording");
  return recording;
}

Recording record(const std::string& store, const Material& material, std::uint32_t dialogs,
                 std::uint32_t first, std::uint32_t each) {
  const auto storage = RecordedStorage::open(uri_of({"ours-recent", store, {}}) + longest_timeout);
  const auto play = [&](std::uint32_t dialog, std::uint32_t number, TurnRequests* requests) {
    run_on(storage->get_executor(), storage->play(material, dialog, number, requests)).get();
  };
  // Loads the script, so that no save below has to be sent twice. It is a dialog of its own.
  Context scratch = fresh_context(dialogs);
  storage->set_item(key_of(dialogs), scratch);
  TurnRequests unused;
  play(dialogs, 0, &unused);

  Recording recording;
  recording.dialogs.resize(dialogs);
  for (std::uint32_t dialog = 0; dialog < dialogs; ++dialog) {
    recording.dialogs[dialog].resize(each);
    for (std::uint32_t i = 0; i < each; ++i) {
      auto& requests = recording.dialogs[dialog][i];
      play(dialog, first + i, &requests);
      if (requests.size() != 2) throw std::runtime_error("a turn is not one load and one save");
    }
  }
  return recording;
}

}  // namespace dialogstore::bench
