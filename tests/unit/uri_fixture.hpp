// What tests of URIs share.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "dialogstore/error.hpp"
#include "dialogstore/uri.hpp"

namespace dialogstore {

// The text of the error, or what the parser took it for.
inline std::string error_of(std::string_view uri) {
  try {
    parse_uri(uri);
  } catch (const UriError& error) {
    EXPECT_EQ(error.reason(), errc::invalid_uri);
    return error.what();
  }
  return "(accepted)";
}

}  // namespace dialogstore
