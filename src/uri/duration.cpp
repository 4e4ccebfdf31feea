#include "uri/duration.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>

#include "uri/uri_text.hpp"

namespace dialogstore::uri {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};

// Longest first, so that format_duration takes the largest unit that fits.
constexpr auto units = std::to_array<Unit>({
    {"d", 86'400'000},
    {"h", 3'600'000},
    {"m", 60'000},
    {"s", 1'000},
    {"ms", 1},
});

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view name = digits == text.size() ? "s" : text.substr(digits);
  const auto unit =
      std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == name; });
  const auto number = parse_digits(text.substr(0, digits));
  if (unit == units.end() || !number) return std::nullopt;
  const auto largest = std::numeric_limits<std::int64_t>::max() / unit->milliseconds;
  if (*number > static_cast<std::uint64_t>(largest)) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(*number) * unit->milliseconds);
}

std::string format_duration(std::chrono::milliseconds duration) {
  const auto count = static_cast<std::int64_t>(duration.count());
  if (count == 0) return "0s";
  for (const Unit& unit : units) {
    if (count % unit.milliseconds == 0) {
      return std::to_string(count / unit.milliseconds) + std::string(unit.name);
    }
  }
  return std::to_string(count) + "ms";
}

}  // namespace dialogstore::uri
