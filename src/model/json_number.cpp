#include "model/json_number.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <limits>

namespace dialogstore {
namespace {

constexpr std::int64_t exponent_bound = 1'000'000'000'000;

// A number as digits * 10^exponent; where its parts stand in the text.
struct Decimal {
  bool negative = false;
  std::string_view whole;     // "12" of -12.50e3
  std::string_view fraction;  // "50"
  std::int64_t exponent = 0;  // 3, kept within ±exponent_bound
};

Decimal split(std::string_view number) noexcept {
  Decimal parts;
  parts.negative = number.starts_with('-');
  if (parts.negative) number.remove_prefix(1);
  const std::size_t mark = std::min(number.find_first_of("eE"), number.size());
  std::string_view digits = number.substr(0, mark);
  const std::size_t point = std::min(digits.find('.'), digits.size());
  parts.whole = digits.substr(0, point);
  if (point < digits.size()) parts.fraction = digits.substr(point + 1);
  if (mark == number.size()) return parts;
  std::string_view power = number.substr(mark + 1);
  const bool below = power.starts_with('-');
  if (below || power.starts_with('+')) power.remove_prefix(1);
  for (const char digit : power) {
    parts.exponent = std::min(parts.exponent * 10 + (digit - '0'), exponent_bound);
  }
  if (below) parts.exponent = -parts.exponent;
  return parts;
}

// Power of ten of the first digit that is not zero; nullopt when all are.
std::optional<std::int64_t> magnitude(const Decimal& parts) noexcept {
  const std::size_t in_whole = parts.whole.find_first_not_of('0');
  if (in_whole != std::string_view::npos) {
    return static_cast<std::int64_t>(parts.whole.size() - in_whole) - 1 + parts.exponent;
  }
  const std::size_t in_fraction = parts.fraction.find_first_not_of('0');
  if (in_fraction == std::string_view::npos) return std::nullopt;
  return -static_cast<std::int64_t>(in_fraction) - 1 + parts.exponent;
}

std::optional<std::int64_t> parse_integer(std::string_view text) noexcept {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

// Thresholds and the bare exponent ("1e-7", "1e+20") were read off pydantic 2.13's output.
std::string number_text(double value) {
  if (!std::isfinite(value)) return "null";
  std::array<char, 32> buffer{};
  const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                     std::chars_format::scientific);
  std::string_view text(buffer.data(), static_cast<std::size_t>(written.ptr - buffer.data()));
  std::string out;
  if (text.front() == '-') {
    out += '-';
    text.remove_prefix(1);
  }
  const std::size_t mark = text.find('e');
  const std::string_view power = text.substr(mark + 1);  // a sign and at least two digits
  const int exponent = static_cast<int>(*parse_integer(power.substr(power[0] == '+' ? 1 : 0)));
  std::string digits(1, text[0]);
  if (mark > 1) digits += text.substr(2, mark - 2);
  const int count = static_cast<int>(digits.size());
  if (exponent < -5 || exponent >= 16) {
    out += text.substr(0, mark);
    out += exponent < 0 ? "e-" : "e+";
    return out + std::to_string(std::abs(exponent));
  }
  if (exponent < 0)
    return out.append("0.").append(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  if (exponent + 1 >= count) digits.append(static_cast<std::size_t>(exponent + 2 - count), '0');
  digits.insert(static_cast<std::size_t>(exponent) + 1, 1, '.');
  return out + digits;
}

std::optional<std::int64_t> exact_int64(std::string_view number) noexcept {
  if (number.find_first_of(".eE") == std::string_view::npos) return parse_integer(number);
  const Decimal parts = split(number);
  const auto first = magnitude(parts);
  if (!first) return 0;
  if (*first < 0 || *first > 18) return std::nullopt;
  // Digits down to 10^0 are the integer; all behind must be zero.
  std::array<char, 24> integer{};
  std::size_t length = 0;
  if (parts.negative) integer[length++] = '-';
  std::int64_t power = static_cast<std::int64_t>(parts.whole.size()) - 1 + parts.exponent;
  for (const std::string_view part : {parts.whole, parts.fraction}) {
    for (const char digit : part) {
      if (power >= 0 && power <= *first) integer[length++] = digit;
      if (power < 0 && digit != '0') return std::nullopt;
      --power;
    }
  }
  for (; power >= 0; --power) integer[length++] = '0';
  return parse_integer(std::string_view(integer.data(), length));
}

double nearest_double(std::string_view number) noexcept {
  double value = 0;
  const auto result = std::from_chars(number.data(), number.data() + number.size(), value);
  if (result.ec != std::errc::result_out_of_range) return value;
  const Decimal parts = split(number);
  const bool huge = magnitude(parts).value_or(-1) > 0;
  const double rounded = huge ? std::numeric_limits<double>::infinity() : 0.0;
  return parts.negative ? -rounded : rounded;
}

}  // namespace dialogstore
