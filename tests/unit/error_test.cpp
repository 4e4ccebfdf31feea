#include "dialogstore/error.hpp"

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace dialogstore {
namespace {

constexpr int last_code = 35;

template <class Error>
bool throws_exactly(errc code) {
  try {
    throw_error(code, "get_item", "user-1", "detail");
  } catch (const StorageError& error) {
    return typeid(error) == typeid(Error) && error.reason() == code;
  }
}

template <class Error>
bool makes_exactly(errc code) {
  try {
    std::rethrow_exception(make_error(code, "get_item", "user-1", "detail"));
  } catch (const StorageError& error) {
    return typeid(error) == typeid(Error) && error.reason() == code;
  }
}

static_assert(std::is_base_of_v<std::system_error, StorageError>);
static_assert(std::is_nothrow_move_constructible_v<std::error_code>);
static_assert(std::is_error_code_enum_v<errc>);

TEST(Error, CodesAreFrozen) {
  EXPECT_EQ(static_cast<int>(errc::key_not_found), 1);
  EXPECT_EQ(static_cast<int>(errc::outcome_unknown), 6);
  EXPECT_EQ(static_cast<int>(errc::invalid_json), 14);
  EXPECT_EQ(static_cast<int>(errc::server_error), 25);
  EXPECT_EQ(static_cast<int>(errc::io_error), 33);
  EXPECT_EQ(static_cast<int>(errc::wrong_key), last_code);
}

TEST(Error, EveryCodeHasItsOwnNameAndSentence) {
  std::set<std::string_view> names;
  std::set<std::string> sentences;
  for (int value = 1; value <= last_code; ++value) {
    names.insert(to_string(static_cast<errc>(value)));
    sentences.insert(error_category().message(value));
  }
  EXPECT_EQ(names.size(), last_code);
  EXPECT_EQ(sentences.size(), last_code);
  EXPECT_EQ(to_string(errc::key_not_found), "key_not_found");
  EXPECT_EQ(to_string(errc::history_changed), "history_changed");
  EXPECT_EQ(to_string(errc::server_out_of_memory), "server_out_of_memory");
  EXPECT_EQ(to_string(errc::io_error), "io_error");
}

TEST(Error, UnknownValuesHaveAText) {
  EXPECT_EQ(to_string(static_cast<errc>(200)), "unknown");
  EXPECT_EQ(error_category().message(-1), "unknown error");
  EXPECT_EQ(error_category().message(1000), "unknown error");
}

TEST(Error, EnumConvertsToErrorCode) {
  const std::error_code code = errc::conflict;
  EXPECT_EQ(code.value(), 2);
  EXPECT_STREQ(code.category().name(), "dialogstore");
  EXPECT_EQ(code, errc::conflict);
}

TEST(Error, TransientCodes) {
  const std::set<errc> transient{errc::unavailable,          errc::timed_out,
                                 errc::server_busy,          errc::overloaded,
                                 errc::server_out_of_memory, errc::storage_full};
  for (int value = 1; value <= last_code; ++value) {
    const auto code = static_cast<errc>(value);
    EXPECT_EQ(is_transient(code), transient.contains(code)) << to_string(code);
    EXPECT_EQ(is_outcome_unknown(code), code == errc::outcome_unknown) << to_string(code);
  }
}

TEST(Error, CodesOfOtherCategoriesAreNotOurs) {
  const std::error_code foreign(static_cast<int>(errc::unavailable), std::generic_category());
  EXPECT_FALSE(is_transient(foreign));
  const std::error_code unknown(static_cast<int>(errc::outcome_unknown), std::generic_category());
  EXPECT_FALSE(is_outcome_unknown(unknown));
}

TEST(Error, EachCodeThrowsItsClass) {
  for (int value = 1; value <= last_code; ++value) {
    const auto code = static_cast<errc>(value);
    const auto is = [code](auto... codes) { return ((code == codes) || ...); };
    SCOPED_TRACE(to_string(code));
    if (is(errc::key_not_found)) {
      EXPECT_TRUE(throws_exactly<KeyError>(code) && makes_exactly<KeyError>(code));
    } else if (is(errc::conflict, errc::history_changed, errc::gone, errc::already_exists)) {
      EXPECT_TRUE(throws_exactly<ConflictError>(code) && makes_exactly<ConflictError>(code));
    } else if (is(errc::invalid_json, errc::corrupt, errc::unsupported_format)) {
      EXPECT_TRUE(throws_exactly<FormatError>(code) && makes_exactly<FormatError>(code));
    } else if (is(errc::invalid_uri)) {
      EXPECT_TRUE(throws_exactly<UriError>(code) && makes_exactly<UriError>(code));
    } else if (is(errc::timed_out, errc::outcome_unknown)) {
      EXPECT_TRUE(throws_exactly<TimeoutError>(code) && makes_exactly<TimeoutError>(code));
    } else {
      EXPECT_TRUE(throws_exactly<StorageError>(code) && makes_exactly<StorageError>(code));
    }
  }
}

TEST(Error, TextNamesOperationKeyDetailAndCode) {
  const StorageError error(errc::key_not_found, "get_item", "user-1",
                           "no context is stored under this key");
  EXPECT_STREQ(error.what(),
               "get_item \"user-1\": no context is stored under this key (key_not_found)");
  EXPECT_EQ(error.operation(), "get_item");
  EXPECT_EQ(error.key(), "user-1");
  EXPECT_EQ(error.detail(), "no context is stored under this key");
  EXPECT_EQ(error.code(), errc::key_not_found);
}

TEST(Error, TextLeavesOutWhatIsEmpty) {
  EXPECT_STREQ(StorageError(errc::closed, "", "", "why").what(), "why (closed)");
  EXPECT_STREQ(StorageError(errc::closed, "len", "", "why").what(), "len: why (closed)");
  EXPECT_STREQ(StorageError(errc::closed, "", "k", "why").what(), "\"k\": why (closed)");
  EXPECT_STREQ(StorageError(errc::closed, "len", "", "").what(),
               "len: the storage was closed (closed)");
}

TEST(Error, CodeAndTextOfAnExceptionPointer) {
  EXPECT_FALSE(code_of(nullptr));
  EXPECT_EQ(message_of(nullptr), "");
  const auto gone = make_error(errc::gone, "set_item", "k", "deleted");
  EXPECT_EQ(code_of(gone), errc::gone);
  EXPECT_EQ(message_of(gone), "set_item \"k\": deleted (gone)");
  const auto system = std::make_exception_ptr(
      std::system_error(std::make_error_code(std::errc::broken_pipe), "write"));
  EXPECT_EQ(code_of(system), std::errc::broken_pipe);
  const auto other = std::make_exception_ptr(std::runtime_error("other"));
  EXPECT_TRUE(code_of(other));
  EXPECT_EQ(message_of(other), "other");
  EXPECT_EQ(code_of(std::make_exception_ptr(std::bad_alloc())), std::errc::not_enough_memory);
  EXPECT_TRUE(code_of(std::make_exception_ptr(7)));
  EXPECT_FALSE(message_of(std::make_exception_ptr(7)).empty());
}

}  // namespace
}  // namespace dialogstore
