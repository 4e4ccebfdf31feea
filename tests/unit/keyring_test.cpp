// Keys: what a list of them may look like, where it comes from, and that no message shows one.
#include "crypto/keyring.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "crypto/aead.hpp"
#include "dialogstore/encryption.hpp"
#include "dialogstore/error.hpp"
#include "support/temp_dir.hpp"

namespace dialogstore {
namespace {

const std::string hex_key = "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F";
const std::string base64_key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// The text of what is refused; empty when it is not.
std::string refusal(const std::string& lines, errc expected = errc::invalid_argument) {
  try {
    static_cast<void>(EncryptionKeys::from_text(lines));
  } catch (const StorageError& error) {
    EXPECT_EQ(error.reason(), expected);
    return error.what();
  }
  return {};
}

testing::AssertionResult mentions(const std::string& text, std::string_view words) {
  return text.find(words) != std::string::npos ? testing::AssertionSuccess()
                                               : testing::AssertionFailure() << text;
}

TEST(Keyring, TheFirstLineWritesAndAllRead) {
  const auto ring = Keyring::parse(
      "# made in November\n\n  new " + base64_key + "  \r\n\told\t" + hex_key + "\n#end", "text");
  EXPECT_EQ(ring->current().id, "new");
  EXPECT_EQ(ring->names(), "new, old");
  EXPECT_EQ(ring->find("none"), nullptr);
  ASSERT_NE(ring->find("old"), nullptr);
  for (std::size_t i = 0; i < secret_bytes; ++i) {
    EXPECT_EQ(ring->find("new")->secret.bytes[i], i);
    EXPECT_EQ(ring->find("old")->secret.bytes[i], i);
  }
}

TEST(Keyring, RefusesWhatIsNoKeyAndNamesTheLine) {
  const std::string sound = "a " + base64_key + "\n";
  const std::vector<std::string> bad = {
      "b",
      base64_key,
      hex_key,
      "b " + hex_key.substr(1),
      "b " + hex_key + "0",
      "b " + hex_key.substr(1) + "g",
      "b " + base64_key.substr(1),
      "b " + base64_key.substr(0, 43),
      "b -" + base64_key.substr(1),
      "b " + base64_key.substr(0, 42) + "9=",  // bits beyond the last byte
      "b " + base64_key + " more",
      "b\xc3\xa9 " + base64_key,
      std::string(33, 'b') + " " + base64_key,
      "a " + hex_key,  // twice
  };
  for (const std::string& line : bad) {
    const std::string text = refusal(sound + line);
    EXPECT_TRUE(mentions(text, "line 2")) << line;
    for (const std::string& secret : {hex_key, base64_key}) {
      EXPECT_EQ(text.find(secret.substr(4, 8)), std::string::npos) << text;
    }
  }
}

TEST(Keyring, NoKeyAtAllIsRefused) {
  EXPECT_TRUE(mentions(refusal(""), "there is no key"));
  EXPECT_TRUE(mentions(refusal("# only a remark\n\n"), "there is no key"));
}

TEST(Keyring, TooManyAreRefused) {
  std::string lines;
  for (int i = 0; i < 257; ++i) lines += "k" + std::to_string(i) + " " + hex_key + "\n";
  EXPECT_TRUE(mentions(refusal(lines), "line 257"));
}

TEST(EncryptionKeys, NoneByDefault) {
  EXPECT_TRUE(EncryptionKeys().empty());
  EXPECT_EQ(EncryptionKeys().read(), nullptr);
  EXPECT_FALSE(EncryptionKeys::from_text("a " + hex_key).empty());
  EXPECT_EQ(EncryptionKeys::from_text("a " + hex_key).source(), "text");
}

TEST(EncryptionKeys, CopiesShareTheKeys) {
  const auto keys = EncryptionKeys::from_text("a " + hex_key);
  const auto copy = keys;
  EXPECT_EQ(copy.read(), keys.read());
}

TEST(EncryptionKeys, AFileIsReadWhenItIsAskedFor) {
  const test::TempDir folder;
  const std::string path = folder / "keys";
  const auto keys = EncryptionKeys::from_file(path);
  EXPECT_EQ(keys.source(), "file:" + path);
  try {
    static_cast<void>(keys.read());
    FAIL() << "there is no such file";
  } catch (const StorageError& error) {
    EXPECT_EQ(error.reason(), errc::io_error);
    EXPECT_TRUE(mentions(error.what(), path));
  }
  std::ofstream(path) << "a " << hex_key << "\n";
  EXPECT_EQ(keys.read()->current().id, "a");
  std::ofstream(path) << "b " << hex_key << "\na " << hex_key << "\n";
  EXPECT_EQ(keys.read()->current().id, "b");
}

TEST(EncryptionKeys, AFileThatCannotBeReadIsAnError) {
  const test::TempDir folder;
  const auto error_of = [](const std::string& path) {
    try {
      static_cast<void>(EncryptionKeys::from_file(path).read());
    } catch (const StorageError& error) {
      return error.reason();
    }
    return errc{};
  };
  EXPECT_EQ(error_of(folder.path()), errc::io_error);
  std::ofstream(folder / "large") << std::string(70'000, '#');
  EXPECT_EQ(error_of(folder / "large"), errc::io_error);
  std::ofstream(folder / "empty") << "";
  EXPECT_EQ(error_of(folder / "empty"), errc::invalid_argument);
}

TEST(EncryptionKeys, TheEnvironmentMayHoldThem) {
  ASSERT_EQ(::setenv("DIALOGSTORE_UNIT_KEYS", ("a " + hex_key + ",b " + base64_key).c_str(), 1), 0);
  EXPECT_EQ(EncryptionKeys::from_environment("DIALOGSTORE_UNIT_KEYS").read()->names(), "a, b");
  ::unsetenv("DIALOGSTORE_UNIT_KEYS");
  EXPECT_THROW(static_cast<void>(EncryptionKeys::from_environment("DIALOGSTORE_UNIT_KEYS").read()),
               StorageError);
}

std::string bytes_of(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

void fill(Secret& secret, const std::string& bytes) {
  std::copy(bytes.begin(), bytes.end(), secret.bytes.begin());
}

TEST(Aead, IsAes256Gcm) {  // test case 14 of the GCM specification
  const Secret zero;
  Aead aead(zero);
  std::string sealed;
  aead.seal(Nonce{}, {}, std::string(16, '\0'), sealed);
  EXPECT_EQ(sealed, bytes_of("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"));
  std::string plain = "before";
  ASSERT_TRUE(aead.open(std::string(nonce_bytes, '\0'), {}, sealed, plain));
  EXPECT_EQ(plain, "before" + std::string(16, '\0'));
}

TEST(Aead, NothingIsGivenOutThatIsNotGenuine) {
  const Secret zero;
  Aead aead(zero);
  const std::string_view associated[] = {"a", "", "b"};
  std::string sealed;
  aead.seal(Nonce{}, associated, "", sealed);
  EXPECT_EQ(sealed.size(), tag_bytes);
  const std::string nonce(nonce_bytes, '\0');
  std::string plain = "before";
  const std::string_view other[] = {"a", "c"};
  EXPECT_TRUE(aead.open(nonce, associated, sealed, plain));
  EXPECT_FALSE(aead.open(nonce, other, sealed, plain));
  EXPECT_FALSE(aead.open(nonce, associated, sealed.substr(1), plain));
  EXPECT_FALSE(aead.open(nonce.substr(1), associated, sealed, plain));
  EXPECT_EQ(plain, "before");
}

TEST(Aead, KeysAreDerivedAsRfc5869Says) {  // its test case 1, the first 32 bytes
  Secret key;
  fill(key, bytes_of("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5"));
  Secret derived;
  derive(key, bytes_of("f0f1f2f3f4f5f6f7f8f9"), derived);
  Secret expected;
  fill(expected, bytes_of("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"));
  EXPECT_EQ(derived.bytes, expected.bytes);
}

}  // namespace
}  // namespace dialogstore
