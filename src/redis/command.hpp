// Requests in the Redis protocol (RESP2 arrays of bulk strings). Any byte is legal in an argument.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace dialogstore::redis {

/// Encodes one command with its arguments.
std::string encode_command(std::initializer_list<std::string_view> arguments);
std::string encode_command(std::span<const std::string_view> arguments);

}  // namespace dialogstore::redis
