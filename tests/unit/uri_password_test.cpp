// Passwords are never shown.
#include <algorithm>
#include <random>
#include <string>

#include "unit/uri_fixture.hpp"

namespace dialogstore {
namespace {

TEST(RedactUri, HidesThePasswordAndNothingElse) {
  EXPECT_EQ(redact_uri("redis://bot:secret@h:1/2?ttl=60"), "redis://bot:***@h:1/2?ttl=60");
  EXPECT_EQ(redact_uri("redis://:secret@h"), "redis://:***@h");
  EXPECT_EQ(redact_uri("redis+unix:///a.sock?db=1&password=secret&user=u"),
            "redis+unix:///a.sock?db=1&password=***&user=u");
  EXPECT_EQ(redact_uri("sqlite:////a/b.db?ttl=60"), "sqlite:////a/b.db?ttl=60");
  EXPECT_EQ(redact_uri("memory://"), "memory://");
  EXPECT_EQ(redact_uri("redis+cluster://bot:secret@h:1,g:2/?ttl=60"),
            "redis+cluster://bot:***@h:1,g:2/?ttl=60");
  EXPECT_EQ(redact_uri("redis+sentinel://:secret@h/s/1?sentinel_password=other&ttl=60"),
            "redis+sentinel://:***@h/s/1?sentinel_password=***&ttl=60");
}

TEST(RedactUri, AKeyInTheWrongPlaceIsNotShown) {
  const std::string key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
  for (const std::string name : {"encrypt", "encryption", "key"}) {
    const std::string uri = "sqlite:///a.db?" + name + "=" + key;
    EXPECT_EQ(redact_uri(uri).find("AAEC"), std::string::npos) << name;
    EXPECT_EQ(error_of(uri).find("AAEC"), std::string::npos) << error_of(uri);
  }
  EXPECT_EQ(redact_uri("sqlite:///a.db?encrypt=file:/etc/keys"),
            "sqlite:///a.db?encrypt=file:/etc/keys");
}

TEST(RedactUri, CutsWhatDoesNotParse) {
  EXPECT_EQ(redact_uri("redis://bot:sec@ret@h"), "redis://***");
  EXPECT_EQ(redact_uri("redis://bot:sec/ret@h"), "***");
  EXPECT_EQ(redact_uri("bot:secret@h"), "***");
  EXPECT_EQ(redact_uri(""), "***");
  EXPECT_EQ(redact_uri("sqlite:///a.db?timout=1"), "sqlite:///a.db***");
}

std::string random_password(std::mt19937& random) {
  // Letters that occur in no message; and every character with a meaning.
  constexpr std::string_view alphabet = "QXZJKV0123456789@:/?#&%=+[]!$ ";
  std::string password;
  const std::size_t length = 8 + random() % 24;
  while (password.size() < length) password += alphabet[random() % alphabet.size()];
  return password;
}

std::string encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string result;
  for (const char byte : text) {
    const auto value = static_cast<unsigned char>(byte);
    result.append(1, '%').append(1, digits[value / 16]).append(1, digits[value % 16]);
  }
  return result;
}

// `redis://ab:cd@host` is by the rules the user ab with the password cd.
std::string without_colon(std::string text) {
  std::replace(text.begin(), text.end(), ':', '+');
  return text;
}

// No four letters in a row of the password, as it was written or as it was meant.
void expect_hidden(const std::string& secret, const std::string& text, const std::string& uri) {
  constexpr std::size_t piece = 4;
  for (std::size_t i = 0; i + piece <= secret.size(); ++i) {
    const std::string part = secret.substr(i, piece);
    if (part.find_first_of("QXZJKV") == std::string::npos) continue;
    ASSERT_EQ(text.find(part), std::string::npos) << uri << "\n  " << text;
  }
}

TEST(Passwords, NeverShowInAnErrorOrARedactedUri) {
  std::mt19937 random(20'240'501);
  for (int round = 0; round < 500; ++round) {
    const std::string password = random_password(random);
    const std::string written = round % 2 == 0 ? password : encoded(password);
    const std::string secret = round % 2 == 0 ? password : written;
    for (const std::string& uri : {
             "redis://user:" + written + "@host:6379/0",
             "redis://:" + written + "@host",
             "redis://user:" + written + "@host:port",
             "redis://user:" + written + "@host/x",
             "redis://" + without_colon(written) + "@host",
             "redis://user:" + written,
             "user:" + written + "@host",
             written + "://x@host",
             "http://user:" + written + "@host",
             "rediss://u:" + written + "@h?timout=1",
             "rediss://u:" + written + "@h?ttl=x",
             "redis+unix://u:" + written + "@/a",
             "redis://h?password=" + written,
             "redis+unix:///a?password=" + written,
             "redis+unix:///a?passwort=" + written,
             "redis+unix:///a?password=" + written + "&db=x",
             "redis+unix:///a?password=" + written + "&password=" + written,
             "redis+cluster://u:" + written + "@h",
             "redis+cluster://u:" + written + "@h,g:x",
             "redis+sentinel://u:" + written + "@h,g/s/x",
             "redis+sentinel://h/s?sentinel_password=" + written,
             "redis+sentinel://h/s?sentinel_password=" + written + "&ttl=x",
             "sqlite://u:" + written + "@h/a",
             "memory://u:" + written + "@h",
         }) {
      const std::string error = error_of(uri);
      const std::string redacted = redact_uri(uri);
      for (const std::string& text : {error, redacted}) {
        expect_hidden(secret, text, uri);
        expect_hidden(password, text, uri);
      }
    }
  }
}

}  // namespace
}  // namespace dialogstore
