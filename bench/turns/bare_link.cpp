#include "bare_link.hpp"

#include "link_calls.hpp"
#include "recording.hpp"

namespace dialogstore::bench {
namespace {

class BareLink final : public Contender {
 public:
  explicit BareLink(const ContenderSettings& settings)
      : calls_(settings.store), recording_(Recording::read(settings.recording)) {}

  asio::any_io_executor executor() override { return calls_.executor(); }

  Task<void> prepare(std::uint32_t, std::uint32_t) override {
    throw std::logic_error("link plays what another contender prepared");
    co_return;
  }

  Task<void> turn(std::uint32_t dialog, std::uint32_t) override {
    // The dialogs' turns come in order.
    auto& next = next_.at(dialog);
    for (const auto& request : recording_.dialogs.at(dialog).at(next++)) {
      std::string bytes = request;
      co_await calls_.call(std::move(bytes));
    }
  }

 private:
  LinkCalls calls_;
  Recording recording_;
  std::vector<std::size_t> next_ = std::vector<std::size_t>(recording_.dialogs.size());
};

}  // namespace

std::unique_ptr<Contender> make_bare_link(const ContenderSettings& settings) {
  return std::make_unique<BareLink>(settings);
}

}  // namespace dialogstore::bench
