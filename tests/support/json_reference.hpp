// Boost.JSON's parser as a second opinion on what is JSON. Heavy: include it in one translation
// unit of a program only.
//
// Known difference: Boost.JSON refuses exponents that do not fit an int ("1e99999999999"). We keep
// numbers as text and accept every exponent that RFC 8259 does.
#pragma once

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/src.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace dialogstore::testing {

enum class ReferenceVerdict { accepts, refuses, refuses_exponent };

/// Takes every event and keeps nothing.
struct NullHandler {
  using error_code = boost::json::error_code;
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return true; }
  bool on_object_end(std::size_t, error_code&) { return true; }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(std::size_t, error_code&) { return true; }
  bool on_key_part(std::string_view, std::size_t, error_code&) { return true; }
  bool on_key(std::string_view, std::size_t, error_code&) { return true; }
  bool on_string_part(std::string_view, std::size_t, error_code&) { return true; }
  bool on_string(std::string_view, std::size_t, error_code&) { return true; }
  bool on_number_part(std::string_view, error_code&) { return true; }
  bool on_int64(std::int64_t, std::string_view, error_code&) { return true; }
  bool on_uint64(std::uint64_t, std::string_view, error_code&) { return true; }
  bool on_double(double, std::string_view, error_code&) { return true; }
  bool on_bool(bool, error_code&) { return true; }
  bool on_null(error_code&) { return true; }
  bool on_comment_part(std::string_view, error_code&) { return true; }
  bool on_comment(std::string_view, error_code&) { return true; }
};

inline ReferenceVerdict reference_verdict(std::string_view text, std::size_t max_depth) {
  boost::json::parse_options options;
  options.max_depth = max_depth;
  boost::json::basic_parser<NullHandler> parser(options);
  boost::json::error_code error;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), error);
  if (error == boost::json::error::exponent_overflow) return ReferenceVerdict::refuses_exponent;
  if (error || read != text.size() || !parser.done()) return ReferenceVerdict::refuses;
  return ReferenceVerdict::accepts;
}

}  // namespace dialogstore::testing
