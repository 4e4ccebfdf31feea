// Numbers between C++ and JSON.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dialogstore {

/// The shortest text that reads back as `value`, spelled as pydantic does; "null" when not finite.
std::string number_text(double value);

/// The integer that a valid JSON number stands for, however it is spelled; nullopt when it has a
/// fraction or does not fit.
std::optional<std::int64_t> exact_int64(std::string_view number) noexcept;

/// The nearest double of a valid JSON number; beyond the range infinity or zero, as IEEE rounds.
double nearest_double(std::string_view number) noexcept;

}  // namespace dialogstore
