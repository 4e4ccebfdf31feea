// Any bytes as the JSON of a context: refused with an error, or read into a context whose JSON is
// read and written unchanged from then on and says the same.
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "dialogstore/context.hpp"
#include "dialogstore/error.hpp"

namespace {

using dialogstore::Context;

void require(bool holds) {
  if (!holds) std::abort();
}

std::optional<Context> read(std::string_view text) {
  try {
    return Context::from_json(text);
  } catch (const dialogstore::FormatError&) {
    return std::nullopt;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto context = read(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!context) return 0;
  const std::string text = context->to_json();
  const auto again = read(text);
  require(again.has_value());
  require(again->to_json() == text);
  require(*again == *context);
  Context rebuilt(context->id());
  for (const std::int64_t index : context->turn_indices()) {
    const auto turn = *context->turn(index);
    if (turn.label) rebuilt.set_label(index, *turn.label);
    if (turn.request) rebuilt.set_request(index, *turn.request);
    if (turn.response) rebuilt.set_response(index, *turn.response);
  }
  for (const auto& [name, value] : context->misc()) rebuilt.set_misc(name, value);
  for (const auto& [name, value] : context->framework_states()) {
    rebuilt.set_framework_state(name, value);
  }
  for (const auto& [name, value] : context->extra()) rebuilt.set_extra(name, value);
  rebuilt.set_validation(context->validation());
  require(rebuilt == *context);
  return 0;
}
