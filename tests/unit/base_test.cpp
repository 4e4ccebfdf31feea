#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <set>
#include <thread>
#include <vector>

#include "base/crc32.hpp"
#include "base/random.hpp"

namespace dialogstore {
namespace {

using Block = std::array<std::uint8_t, 16>;

Block random_block() {
  Block block{};
  fill_random(block);
  return block;
}

TEST(Crc32, KnownValues) {
  EXPECT_EQ(crc32(""), 0U);
  EXPECT_EQ(crc32("123456789"), 0xCBF43926U);
  EXPECT_EQ(crc32(std::string_view("\0\0\0\0", 4)), 0x2144DF1CU);
}

TEST(Crc32, GoesOnFromASeed) {
  EXPECT_EQ(crc32("6789", crc32("12345")), crc32("123456789"));
  EXPECT_EQ(crc32("", 77U), 77U);
  EXPECT_EQ(crc32(std::string_view(), 77U), 77U);
}

TEST(Random, NeverRepeats) {
  std::set<Block> seen;
  for (int i = 0; i < 2000; ++i) EXPECT_TRUE(seen.insert(random_block()).second);
}

TEST(Random, FillsEverySizeWholly) {
  for (const std::size_t size : {0U, 1U, 255U, 256U, 257U, 1000U}) {
    std::vector<std::uint8_t> sum(size, 0);
    for (int round = 0; round < 16; ++round) {
      std::vector<std::uint8_t> bytes(size, 0);
      fill_random(bytes);
      for (std::size_t i = 0; i < size; ++i) sum[i] = static_cast<std::uint8_t>(sum[i] | bytes[i]);
    }
    for (const std::uint8_t byte : sum) EXPECT_NE(byte, 0);  // all zero 16 times: 2^-128
  }
}

TEST(Random, ThreadsDiffer) {
  std::array<Block, 4> blocks{};
  std::vector<std::thread> threads;
  for (Block& block : blocks) threads.emplace_back([&block] { block = random_block(); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::set<Block>(blocks.begin(), blocks.end()).size(), blocks.size());
}

TEST(Random, AForkedChildGetsOtherBytes) {
  random_block();  // the pool of this thread is filled and would be inherited
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const Block block = random_block();
    const bool written = ::write(ends[1], block.data(), block.size()) == 16;
    ::_exit(written ? 0 : 1);
  }
  Block theirs{};
  ASSERT_EQ(::read(ends[0], theirs.data(), theirs.size()), 16);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_NE(theirs, random_block());
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace dialogstore
