#include "naive.hpp"

#include <array>

#include "base/random.hpp"
#include "link_calls.hpp"
#include "naive_document.hpp"
#include "redis/command.hpp"
#include "run_on.hpp"

namespace dialogstore::bench {
namespace {

// The whole context as JSON, behind `prefix`.
Task<void> store(LinkCalls& calls, const Material& material, std::uint32_t dialog,
                 std::uint32_t turns, std::string prefix) {
  const auto text = std::move(prefix) + context_of(material, dialog, turns).to_json();
  std::string set = redis::encode_command({"SET", key_of(dialog), text});
  co_await calls.call(std::move(set));
}

class Naive final : public Contender {
 public:
  Naive(const std::string& store, const Material& material) : calls_(store), material_(material) {}

  asio::any_io_executor executor() override { return calls_.executor(); }

  Task<void> prepare(std::uint32_t dialog, std::uint32_t turns) override {
    return store(calls_, material_, dialog, turns, {});
  }

  Task<void> turn(std::uint32_t dialog, std::uint32_t number) override {
    const auto key = key_of(dialog);
    std::string get = redis::encode_command({"GET", key});
    const auto stored = co_await calls_.call(std::move(get));
    const auto text = document_.with_turn(stored.root().text, material_.turn(dialog, number));
    std::string set = redis::encode_command({"SET", key, text});
    co_await calls_.call(std::move(set));
  }

 private:
  LinkCalls calls_;
  NaiveDocument document_;
  const Material& material_;
};

constexpr std::size_t token_bytes = 8;

constexpr std::string_view swap_script =
    "if redis.call('GETRANGE',KEYS[1],0,7)==ARGV[1] then "
    "redis.call('SET',KEYS[1],ARGV[2]) return 1 end return 0";

class NaiveSafe final : public Contender {
 public:
  NaiveSafe(const std::string& store, const Material& material)
      : calls_(store), material_(material) {
    std::string load = redis::encode_command({"SCRIPT", "LOAD", swap_script});
    auto reply = run_on(executor(), calls_.call(std::move(load))).get();
    script_ = reply.root().text;
  }

  asio::any_io_executor executor() override { return calls_.executor(); }

  Task<void> prepare(std::uint32_t dialog, std::uint32_t turns) override {
    return store(calls_, material_, dialog, turns, new_token());
  }

  Task<void> turn(std::uint32_t dialog, std::uint32_t number) override {
    const auto key = key_of(dialog);
    std::string get = redis::encode_command({"GET", key});
    const auto stored = co_await calls_.call(std::move(get));
    const auto token = stored.root().text.substr(0, token_bytes);
    const auto text = new_token() + document_.with_turn(stored.root().text.substr(token_bytes),
                                                        material_.turn(dialog, number));
    std::string swap = redis::encode_command({"EVALSHA", script_, "1", key, token, text});
    const auto saved = co_await calls_.call(std::move(swap));
    if (saved.root().integer != 1) throw std::runtime_error("someone else saved the dialog");
  }

 private:
  static std::string new_token() {
    std::array<std::uint8_t, token_bytes> token{};
    fill_random(token);
    return {token.begin(), token.end()};
  }

  LinkCalls calls_;
  NaiveDocument document_;
  const Material& material_;
  std::string script_;
};

}  // namespace

std::unique_ptr<Contender> make_naive(const ContenderSettings& settings, const Material& material) {
  if (settings.name == "naive") return std::make_unique<Naive>(settings.store, material);
  return std::make_unique<NaiveSafe>(settings.store, material);
}

}  // namespace dialogstore::bench
