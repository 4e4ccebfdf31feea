// Keys: any bytes, none reaching beyond the key.
#include <algorithm>
#include <set>

#include "contract/contract.hpp"
#include "dialogstore/limits.hpp"

namespace dialogstore::test {
namespace {

class Keys : public ContractTest {};
INSTANTIATE_TEST_SUITE_P(All, Keys, testing::ValuesIn(all_setups()), setup_name);

std::vector<std::string> nasty_keys() {
  using namespace std::string_literals;
  std::vector<std::string> keys = {
      "{", "}", "{}", "}{", "{}x", "x{}", "a}{b", "{tag}", "{tag}x", "x{tag}", "{{a}}", "a}b",
      "\r\n", "a\r\nb", "\n", "\0"s, "a\0b"s, "\0\0"s, " ", " a ", "\t", "%", "%7b", "%7B", "%25",
      "%%", "%7d%7D", "\\", "\\x7b", "/", "//", ":", "::", "meta", ":meta", "index", ":index:0",
      "*", "?", "[a-z]", "a*", "'", "\"", "';--", "NULL", "null", "-1", "0", "00", "1e3", "1.0",
      "\xff", "\xff\xfe", "\x80", "\xc3\x28", "\xd0\x9f\xd1\x80\xd0\xb8", "\xf0\x9f\x98\x80",
      "$5\r\nhello\r\n", "*1\r\n$8\r\nFLUSHALL\r\n", "user:1", "User:1", "user:1 ",
      std::string(limits::key_bytes, 'k'), std::string(limits::key_bytes, '\0'),
      std::string(limits::key_bytes, '{'), std::string(limits::key_bytes, '%'),
      // Composed and decomposed: the same to a reader, different bytes.
      "\xc3\xa9", "e\xcc\x81"};
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) {
    every_byte += static_cast<char>(byte);
    keys.push_back("byte " + std::string(1, static_cast<char>(byte)));
  }
  keys.push_back(every_byte);
  return keys;
}

TEST_P(Keys, AnyBytesAndEachKeyItsOwnContext) {
  Client client = open();
  const std::vector<std::string> keys = nasty_keys();
  for (const std::string& key : keys) {
    Context context(Json(std::hash<std::string>{}(key) % 1'000'000));
    ASSERT_NO_THROW(client.create(key, context)) << ContextKey(key).printable();
  }
  EXPECT_EQ(client.len(), keys.size());
  for (const std::string& key : keys) {
    ASSERT_TRUE(client.contains(key)) << ContextKey(key).printable();
    ASSERT_EQ(client.get_item(key).id(), Json(std::hash<std::string>{}(key) % 1'000'000));
  }
  const std::vector<std::string> listed = client.keys();
  EXPECT_EQ(std::set<std::string>(listed.begin(), listed.end()),
            std::set<std::string>(keys.begin(), keys.end()));
  EXPECT_TRUE(client.check(false).sound());
  for (std::size_t i = 0; i < keys.size(); i += 2) {
    ASSERT_TRUE(client.del_item(keys[i])) << ContextKey(keys[i]).printable();
  }
  EXPECT_EQ(client.len(), keys.size() / 2);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    ASSERT_EQ(client.contains(keys[i]), i % 2 == 1) << ContextKey(keys[i]).printable();
  }
  EXPECT_EQ(client.clear(), keys.size() / 2);
}

TEST_P(Keys, AreWhatPythonsStrGives) {
  Client client = open();
  client.set_item(1, dialog(1, "one"));
  EXPECT_EQ(client.get_item("1"), dialog(1, "one"));
  client.set_item("-42", dialog(1, "minus"));
  EXPECT_EQ(client.get_item(-42), dialog(1, "minus"));
  const Uuid uuid = Uuid::random();
  client.set_item(uuid, dialog(1, "uuid"));
  EXPECT_EQ(client.get_item(uuid.to_string()), dialog(1, "uuid"));
  client.set_item(std::numeric_limits<std::uint64_t>::max(), dialog(1, "big"));
  EXPECT_EQ(client.get_item("18446744073709551615"), dialog(1, "big"));
  EXPECT_EQ(client.len(), 4U);
  EXPECT_TRUE(client.del_item("1"));
  EXPECT_FALSE(client.contains(1));
}

TEST_P(Keys, TheKeyIsNotTheId) {
  Client client = open();
  Context context(Json("some id"));
  client.set_item("k", context);
  client.set_item("l", Context(context));
  EXPECT_EQ(client.get_item("k").id(), Json("some id"));
  EXPECT_EQ(client.get_item("l").id(), Json("some id"));
  EXPECT_FALSE(client.contains("some id"));
}

TEST_P(Keys, EmptyAndTooLongOnesAreRefusedByEveryCall) {
  Client client = open();
  for (const std::string& key : {std::string(), std::string(limits::key_bytes + 1, 'k')}) {
    Context context;
    EXPECT_EQ(error_of([&] { return client.contains(key); }), errc::invalid_key);
    EXPECT_EQ(error_of([&] { return client.set_item(key, context), 0; }), errc::invalid_key);
    EXPECT_EQ(error_of([&] { return client.set_item(key, Context()), 0; }), errc::invalid_key);
    EXPECT_EQ(error_of([&] { return client.get_item(key); }), errc::invalid_key);
    EXPECT_EQ(error_of([&] { return client.get(key, context); }), errc::invalid_key);
    EXPECT_EQ(error_of([&] { return client.find(key); }), errc::invalid_key);
    EXPECT_EQ(error_of([&] { return client.del_item(key); }), errc::invalid_key);
    EXPECT_EQ(error_of([&] { return client.create(key, context), 0; }), errc::invalid_key);
    EXPECT_EQ(error_of([&] { return client.append(key, turn_of("x")); }), errc::invalid_key);
    EXPECT_EQ(error_of([&] { return client.load_turns(key, 0, 1); }), errc::invalid_key);
    EXPECT_EQ(error_of([&] { return client.watch(key, 0); }), errc::invalid_key);
    EXPECT_EQ(error_of([&] { return client.get_items({"good", key}); }), errc::invalid_key);
    EXPECT_EQ(error_of([&] { return client.del_items({"good", key}); }), errc::invalid_key);
    const auto errors = client.set_items({{key, &context}});
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_EQ(code_in(errors[0]), errc::invalid_key);
    EXPECT_FALSE(context.has_pending_save());
  }
  EXPECT_EQ(client.len(), 0U);
}

}  // namespace
}  // namespace dialogstore::test
