// What DFF's JSON of a context consists of; reading and writing it is in Context::from_json and
// to_json, in context_json.cpp.
#pragma once

#include <array>
#include <string_view>

namespace dialogstore {

/// The fields of DFF's Context, in the order DFF writes them.
inline constexpr std::array<std::string_view, 7> context_fields{
    "id", "labels", "requests", "responses", "misc", "validation", "framework_states"};

bool is_known_field(std::string_view name) noexcept;

/// True for a JSON string and for a number that Python reads as an int. `value` must be valid.
bool is_context_id(std::string_view value) noexcept;

}  // namespace dialogstore
