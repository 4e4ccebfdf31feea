#include "figures.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "dialogstore/json.hpp"
#include "dialogstore/uri.hpp"

namespace dialogstore::bench {
namespace {

double microseconds(std::chrono::steady_clock::duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

double client_cpu_us() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto us = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

double field(const std::string& info, const std::string& name) {
  const auto place = info.find("\n" + name + ":");
  if (place == std::string::npos) throw std::runtime_error("INFO has no " + name);
  return std::stod(info.substr(place + name.size() + 2));
}

ServerCounters operator-(const ServerCounters& a, const ServerCounters& b) {
  return {a.bytes_in - b.bytes_in, a.bytes_out - b.bytes_out, a.cpu_us - b.cpu_us};
}

}  // namespace

Meter::Meter(const std::string& store) {
  if (!store.starts_with("redis://")) return;
  const auto uri = parse_uri(store);
  server_.emplace(test::RedisAddress{.host = uri.redis.host, .port = uri.redis.port});
  const auto first = server_counters();
  asking_ = server_counters() - first;
}

void Meter::start() {
  latencies_.clear();
  start_ = now();
}

void Meter::stop() {
  stop_ = now();
}

Meter::Moment Meter::now() {
  Moment moment;
  if (server_) moment.server = server_counters();
  moment.client_cpu_us = client_cpu_us();
  moment.time = std::chrono::steady_clock::now();
  return moment;
}

ServerCounters Meter::server_counters() {
  const auto stats = server_->command({"INFO", "stats"});
  const auto cpu = server_->command({"INFO", "cpu"});
  if (stats.is_error() || cpu.is_error())
    throw std::runtime_error("INFO: " + stats.text + cpu.text);
  return {field(stats.text, "total_net_input_bytes"), field(stats.text, "total_net_output_bytes"),
          1e6 * (field(cpu.text, "used_cpu_user") + field(cpu.text, "used_cpu_sys"))};
}

// Nearest rank: a latency that was measured.
double Meter::percentile(double share) const {
  auto sorted = latencies_;
  std::ranges::sort(sorted);
  const auto rank = std::ceil(share * static_cast<double>(sorted.size()));
  return microseconds(sorted[static_cast<std::size_t>(std::max(rank, 1.0)) - 1]);
}

std::string Meter::json() {
  if (latencies_.empty()) throw std::runtime_error("no turn was measured");
  const auto count = static_cast<double>(latencies_.size());
  const double seconds = microseconds(stop_.time - start_.time) / 1e6;
  JsonObject line{{"turns", Json(latencies_.size())},
                  {"seconds", Json(seconds)},
                  {"turns_per_second", Json(count / seconds)},
                  {"p50_us", Json(percentile(0.5))},
                  {"p99_us", Json(percentile(0.99))},
                  {"p999_us", Json(percentile(0.999))},
                  {"client_cpu_us", Json((stop_.client_cpu_us - start_.client_cpu_us) / count)}};
  if (server_) {
    const auto used = stop_.server - start_.server - asking_;
    line.set("server_cpu_us", Json(used.cpu_us / count));
    line.set("bytes_to_server", Json(used.bytes_in / count));
    line.set("bytes_from_server", Json(used.bytes_out / count));
  }
  return line.to_text();
}

}  // namespace dialogstore::bench
