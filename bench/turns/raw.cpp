#include "raw.hpp"

#include <poll.h>

#include <chrono>
#include <stdexcept>

#include "figures.hpp"
#include "raw_connection.hpp"

namespace dialogstore::bench {
namespace {

using Clock = std::chrono::steady_clock;

Clock::time_point after(double seconds) {
  return Clock::now() +
         std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

class Connections {
 public:
  Connections(std::size_t count, const std::string& store) {
    for (std::size_t i = 0; i < count; ++i) {
      all_.emplace_back(store);
      polled_.push_back({.fd = all_.back().descriptor(), .events = POLLIN, .revents = 0});
    }
  }

  RawConnection& of(std::uint32_t asker) { return all_[asker % all_.size()]; }
  void send() {
    for (auto& connection : all_) connection.send();
  }
  /// Waits for replies and sends what `on_reply` added meanwhile.
  template <class OnReply>
  void serve(OnReply on_reply) {
    // One connection blocks by itself.
    if (all_.size() > 1) ::poll(polled_.data(), polled_.size(), -1);
    for (std::size_t i = 0; i < all_.size(); ++i) {
      if (all_.size() > 1 && polled_[i].revents == 0) continue;
      all_[i].receive(on_reply);
      all_[i].send();
    }
  }

 private:
  std::vector<RawConnection> all_;
  std::vector<pollfd> polled_;
};

// The askers are as many as dialogs run at once; each plays one dialog after another.
class Player {
 public:
  Player(const Recording& recording, Connections& connections, std::uint32_t at_once)
      : recording_(recording), connections_(connections), askers_(at_once) {}

  /// Turns [first, first + each) of every dialog, until `end`.
  void play(std::uint32_t first, std::uint32_t each, Clock::time_point end, Meter* meter) {
    first_ = first;
    behind_ = first + each;
    end_ = end;
    meter_ = meter;
    next_dialog_ = 0;
    active_ = 0;
    for (std::uint32_t asker = 0; asker < askers_.size(); ++asker) {
      if (take_dialog(askers_[asker])) {
        ++active_;
        ask(asker);
      }
    }
    connections_.send();
    while (active_ > 0) {
      connections_.serve(
          [this](std::uint32_t asker, std::string_view reply) { on_reply(asker, reply); });
    }
  }

 private:
  struct Asker {
    std::uint32_t dialog = 0;
    std::uint32_t turn = 0;
    std::size_t request = 0;  ///< of the turn
    Clock::time_point start;
  };

  bool take_dialog(Asker& asker) {
    if (next_dialog_ >= recording_.dialogs.size() || Clock::now() >= end_) return false;
    asker.dialog = next_dialog_++;
    asker.turn = first_;
    return true;
  }

  void ask(std::uint32_t number) {
    auto& asker = askers_[number];
    if (asker.request == 0) asker.start = Clock::now();
    connections_.of(number).add(number,
                                recording_.dialogs[asker.dialog][asker.turn][asker.request]);
  }

  void on_reply(std::uint32_t number, std::string_view reply) {
    auto& asker = askers_[number];
    const auto& requests = recording_.dialogs[asker.dialog][asker.turn];
    if (++asker.request == requests.size()) {
      // ["S", time]: anything else means that the dialog was not as it was when it was recorded.
      if (!reply.starts_with("*2\r\n$1\r\nS\r\n")) {
        throw std::runtime_error("a save was answered " + std::string(reply.substr(0, 20)));
      }
      const auto now = Clock::now();
      if (meter_ != nullptr) meter_->add_latency(now - asker.start);
      asker.request = 0;
      const bool goes_on = ++asker.turn < behind_ && now < end_;
      if (!goes_on && !take_dialog(asker)) {
        --active_;
        return;
      }
    }
    ask(number);
  }

  const Recording& recording_;
  Connections& connections_;
  std::vector<Asker> askers_;
  std::uint32_t first_ = 0;
  std::uint32_t behind_ = 0;
  Clock::time_point end_;
  Meter* meter_ = nullptr;
  std::uint32_t next_dialog_ = 0;
  std::size_t active_ = 0;
};

}  // namespace

bool is_raw(const std::string& contender) {
  return contender == "raw" || contender == "raw-connections";
}

std::string play_raw(const std::string& contender, const Recording& recording, const Work& work,
                     const std::string& store) {
  Meter meter(store);
  Connections connections(contender == "raw" ? 1 : work.at_once, store);
  Player player(recording, connections, work.at_once);
  // All of them: what is measured builds on them.
  player.play(0, 1, Clock::time_point::max(), nullptr);
  meter.start();
  player.play(1, work.each, after(work.seconds), &meter);
  meter.stop();
  return meter.json();
}

double repeat_request(const std::string& request, std::uint32_t at_once, double seconds,
                      const std::string& store) {
  Connections connections(at_once, store);
  for (std::uint32_t asker = 0; asker < at_once; ++asker) connections.of(asker).add(asker, request);
  const auto start = Clock::now();
  const auto end = after(seconds);
  connections.send();
  std::size_t replies = 0;
  std::size_t waiting = at_once;
  while (waiting > 0) {
    const bool goes_on = Clock::now() < end;
    connections.serve([&](std::uint32_t asker, std::string_view) {
      ++replies;
      if (goes_on) {
        connections.of(asker).add(asker, request);
      } else {
        --waiting;
      }
    });
  }
  return static_cast<double>(replies) / std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace dialogstore::bench
