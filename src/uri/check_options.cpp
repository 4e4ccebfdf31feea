#include <algorithm>

#include "dialogstore/error.hpp"
#include "dialogstore/uri.hpp"
#include "uri/duration.hpp"
#include "uri/option_limits.hpp"

namespace dialogstore {
namespace uri {
namespace {

using std::chrono::milliseconds;

std::optional<std::string> out_of_range(std::string_view name, milliseconds value,
                                        milliseconds lowest, milliseconds highest) {
  if (value >= lowest && value <= highest) return std::nullopt;
  return std::string(name) + " is " + format_duration(value) + ": it goes from " +
         format_duration(lowest) + " to " + format_duration(highest);
}

std::optional<std::string> find_ttl_problem(const StorageOptions& options) {
  if (options.ttl == milliseconds(0)) return std::nullopt;
  const milliseconds highest = limits::ttl_max;
  if (options.ttl < options.timeout + ttl_margin) {
    return "ttl is " + format_duration(options.ttl) + ": with timeout " +
           format_duration(options.timeout) + " it is at least " +
           format_duration(options.timeout + ttl_margin) +
           " (ten seconds more than timeout), or left out for contexts that never expire";
  }
  return out_of_range("ttl", options.ttl, options.timeout + ttl_margin, highest);
}

std::optional<std::string> out_of_range(std::string_view name, int value, int highest) {
  if (value >= 1 && value <= highest) return std::nullopt;
  return std::string(name) + " is " + std::to_string(value) + ": it goes from 1 to " +
         std::to_string(highest);
}

}  // namespace

bool is_namespace(std::string_view text) noexcept {
  return !text.empty() && text.size() <= limits::namespace_bytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-' || c == ':' || c == '/';
         });
}

std::optional<std::string> find_problem(const StorageOptions& options) {
  if (!is_namespace(options.name_space)) {
    return "namespace has 1 to " + std::to_string(limits::namespace_bytes) +
           " characters: letters, digits and . _ - : /";
  }
  if (auto problem =
          out_of_range("timeout", options.timeout, limits::timeout_min, limits::timeout_max)) {
    return problem;
  }
  if (auto problem = find_ttl_problem(options)) return problem;
  if (auto problem = out_of_range("seal_after", options.seal_after, seal_after_max)) return problem;
  if (auto problem = out_of_range("compression", options.compression_level, compression_max)) {
    return problem;
  }
  if (options.cache <= limits::cached_contexts) return std::nullopt;
  return "cache is " + std::to_string(options.cache) + ": it goes from 0 to " +
         std::to_string(limits::cached_contexts);
}

std::optional<std::string> find_problem(const SQLiteOptions& options) {
  return out_of_range("busy_timeout", options.busy_timeout, shortest_duration, limits::timeout_max);
}

std::optional<std::string> find_staleness_problem(const RedisOptions& redis,
                                                  const StorageOptions& options, Layout layout) {
  constexpr std::string_view name = "cache_max_staleness";
  const auto staleness = redis.cache_max_staleness;
  if (staleness == milliseconds(0)) return std::nullopt;
  if (auto problem = out_of_range(name, staleness, shortest_duration, limits::timeout_max)) {
    return problem;
  }
  const auto conflict = [&](std::string_view text) {
    return std::string(name) + std::string(text);
  };
  if (layout == Layout::dff) return conflict(" is for layout=log; remove one of the two");
  if (options.cache == 0) return conflict(" has no effect without cache; add it, say cache=1000");
  if (redis.read_replicas) {
    return conflict(" and read_from=replicas exclude each other: replicas are behind by any time");
  }
  return std::nullopt;
}

}  // namespace uri

void check_options(const StorageOptions& options) {
  if (auto problem = uri::find_problem(options)) {
    throw_error(errc::invalid_argument, "", "", "option " + *std::move(problem));
  }
}

}  // namespace dialogstore
