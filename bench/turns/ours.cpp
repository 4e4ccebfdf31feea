#include "ours.hpp"

#include <algorithm>
#include <map>

#include "dialogstore/dialogstore.hpp"

namespace dialogstore::bench {
namespace {

// Saves until older turns are sealed, by default; prepared dialogs are spread over its phases, so
// that short runs meet as many seals as long ones.
constexpr std::uint32_t seal_phases = 8;

class Ours final : public Contender {
 public:
  Ours(const std::string& uri, const Material& material)
      : storage_(context_storage_factory(uri)), material_(material) {}

  asio::any_io_executor executor() override { return storage_->get_executor(); }

  Task<void> prepare(std::uint32_t dialog, std::uint32_t turns) override {
    const auto key = key_of(dialog);
    const auto one_by_one = std::min(turns, dialog % seal_phases);
    Context context = context_of(material_, dialog, turns - one_by_one);
    co_await saved(*storage_, key, context);
    for (std::uint32_t i = turns - one_by_one; i < turns; ++i) {
      add_turn(context, material_.turn(dialog, i));
      co_await saved(*storage_, key, context);
    }
  }

  Task<void> turn(std::uint32_t dialog, std::uint32_t number) override {
    const auto key = key_of(dialog);
    auto context = co_await loaded(*storage_, key);
    add_turn(context, material_.turn(dialog, number));
    co_await saved(*storage_, key, context);
  }

 private:
  std::unique_ptr<DBContextStorage> storage_;
  const Material& material_;
};

}  // namespace

Task<Context> loaded(DBContextStorage& storage, ContextKey key) {
  auto [error, context] = co_await operation<std::exception_ptr, Context>(
      [&](auto done) { storage.get_item_async(key, std::move(done)); });
  if (error) std::rethrow_exception(error);
  co_return std::move(context);
}

Task<void> saved(DBContextStorage& storage, ContextKey key, Context& context) {
  const auto error = co_await operation<std::exception_ptr>(
      [&](auto done) { storage.set_item_async(key, context, std::move(done)); });
  if (error) std::rethrow_exception(error);
}

std::string uri_of(const ContenderSettings& settings) {
  static const std::map<std::string, std::string> options{
      {"ours-recent", "?history=recent"},
      {"ours-all", "?history=all"},
      // More contexts than any cell has dialogs.
      {"ours-cache", "?history=recent&cache=32768"},
      {"ours-all-tracked", "?history=all&cache=32768&cache_max_staleness=1s"},
      {"ours-tracked", "?history=recent&cache=32768&cache_max_staleness=1s"},
      {"dff-layout", "?layout=dff"},
      {"sqlite", "/ours.db?history=recent"},
      {"memory", "?history=recent"}};
  const auto found = options.find(settings.name);
  if (found == options.end()) throw std::invalid_argument("no contender " + settings.name);
  if (settings.name == "memory") return "memory://" + found->second;
  if (settings.name == "sqlite") return "sqlite:///" + settings.store + found->second;
  return settings.store + found->second;
}

std::unique_ptr<Contender> make_ours(const ContenderSettings& settings, const Material& material) {
  try {
    return std::make_unique<Ours>(uri_of(settings), material);
  } catch (const UriError& error) {
    throw Absent(error.what());
  }
}

}  // namespace dialogstore::bench
