#include "format/compress.hpp"

#include <gtest/gtest.h>
#include <zstd.h>

#include <random>
#include <thread>

namespace dialogstore::format {
namespace {

constexpr std::size_t enough = 1U << 20;

std::string noise(std::size_t size) {
  std::mt19937 random(1);
  std::string text(size, '\0');
  for (char& byte : text) byte = static_cast<char>(random());
  return text;
}

TEST(Compress, ComesBackAndSaysHowItIsStored) {
  const std::string repeated(1000, 'a');
  std::uint8_t codec = 9;
  std::string packed = compress(repeated, 3, codec);
  EXPECT_EQ(codec, codec_zstd);
  EXPECT_LT(packed.size(), 100U);
  std::string out;
  EXPECT_EQ(decompress(codec, packed, enough, out), CompressFault::none);
  EXPECT_EQ(out, repeated);

  packed = compress(noise(500), 3, codec);
  EXPECT_EQ(codec, codec_stored);  // it would not have become smaller
  EXPECT_EQ(decompress(codec, packed, enough, out), CompressFault::none);
  EXPECT_EQ(out, noise(500));
}

TEST(Compress, EmptyAndExtremeLevels) {
  std::uint8_t codec = 9;
  std::string out = "x";
  EXPECT_EQ(decompress(codec_stored, compress("", 3, codec), enough, out), CompressFault::none);
  EXPECT_EQ(out, "");
  for (const int level : {-1'000'000, 0, 1'000'000}) {
    const std::string packed = compress(std::string(3000, 'b'), level, codec);
    EXPECT_EQ(decompress(codec, packed, enough, out), CompressFault::none);
    EXPECT_EQ(out.size(), 3000U);
  }
}

TEST(Compress, SizeIsCheckedBeforeMemoryIsTaken) {
  // A frame of a few bytes that truly grows to a gigabyte would do harm only if it were unpacked.
  std::uint8_t codec = 0;
  const std::string bomb = compress(std::string(enough + 1, '\0'), 19, codec);
  ASSERT_LT(bomb.size(), 200U);
  std::string out;
  EXPECT_EQ(decompress(codec, bomb, enough, out), CompressFault::too_large);
  EXPECT_LT(out.capacity(), enough);
  EXPECT_EQ(decompress(codec, bomb, enough + 1, out), CompressFault::none);
  EXPECT_EQ(decompress(codec_stored, "abc", 2, out), CompressFault::too_large);
}

TEST(Compress, DamageIsNoticed) {
  std::uint8_t codec = 0;
  const std::string packed = compress(std::string(5000, 'c') + noise(300), 3, codec);
  std::string out;
  for (std::size_t size = 0; size < packed.size(); ++size) {
    EXPECT_EQ(decompress(codec, std::string_view(packed).substr(0, size), enough, out),
              CompressFault::damaged);
  }
  EXPECT_EQ(decompress(codec, packed + "x", enough, out), CompressFault::damaged);
  EXPECT_EQ(decompress(codec, packed + packed, enough, out), CompressFault::damaged);
  EXPECT_EQ(decompress(codec, noise(64), enough, out), CompressFault::damaged);
}

TEST(Compress, FrameThatHidesItsSizeIsNotOurs) {
  const std::string plain(4000, 'd');
  std::string packed(ZSTD_compressBound(plain.size()), '\0');
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  packed.resize(ZSTD_compress2(context, packed.data(), packed.size(), plain.data(), plain.size()));
  ZSTD_freeCCtx(context);
  std::string out;
  EXPECT_EQ(decompress(codec_zstd, packed, enough, out), CompressFault::damaged);
}

TEST(Compress, UnknownCodec) {
  std::string out;
  EXPECT_EQ(decompress(2, "abc", enough, out), CompressFault::unknown_codec);
  EXPECT_EQ(decompress(255, "", enough, out), CompressFault::unknown_codec);
}

TEST(Compress, ThreadsDoNotShareAnything) {
  std::vector<std::thread> threads;
  for (char letter = 'a'; letter < 'e'; ++letter) {
    threads.emplace_back([letter] {
      for (std::size_t size = 1; size < 400; ++size) {
        std::uint8_t codec = 0;
        std::string out;
        const std::string plain(size * 7, letter);
        const std::string packed = compress(plain, 3, codec);
        EXPECT_EQ(decompress(codec, packed, enough, out), CompressFault::none);
        EXPECT_EQ(out, plain);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace dialogstore::format
