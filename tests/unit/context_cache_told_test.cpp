// A cache whose back end tells of changes: when a context may be given without asking.
#include <gtest/gtest.h>

#include <map>

#include "dialogstore/context.hpp"
#include "storage/context_cache.hpp"
#include "support/eventually.hpp"

namespace dialogstore::test {
namespace {

class Feed final : public ChangeFeed {
 public:
  void listen(std::function<void(std::string_view key)> changed,
              std::function<void()> lost) override {
    tell = std::move(changed);
    lose = std::move(lost);
  }
  [[nodiscard]] bool is_current(const ContextKey& /*key*/) const override { return is_heard; }
  [[nodiscard]] bool tells_of_saved() const noexcept override { return tells_of_saves; }

  std::function<void(std::string_view key)> tell;
  std::function<void()> lose;
  bool is_heard = true;
  bool tells_of_saves = true;
};

class ToldCache : public testing::Test {
 protected:
  [[nodiscard]] bool is_given(const char* key = "k") {
    return cache_.find_current(key, History::all) != nullptr;
  }
  void load(const char* key = "k") { cache_.put(key, context_, cache_.mark(key)); }

  Feed feed_;
  ContextCache cache_{{.cache = 10}, &feed_};
  Context context_{Json("id")};
};

TEST_F(ToldCache, GivesWhatWasReadUntilItIsToldOfAChange) {
  EXPECT_FALSE(is_given());
  load();
  EXPECT_TRUE(is_given());
  feed_.tell("other");
  EXPECT_TRUE(is_given());
  feed_.tell("k");
  EXPECT_FALSE(is_given());
  EXPECT_NE(cache_.find("k", History::all), nullptr);
  cache_.confirm("k", cache_.mark("k"));
  EXPECT_TRUE(is_given());
}

TEST_F(ToldCache, GivesNothingWhenChangesMayHavePassedUnheard) {
  load();
  feed_.lose();
  EXPECT_FALSE(is_given());
  load();
  EXPECT_TRUE(is_given());
  feed_.is_heard = false;
  EXPECT_FALSE(is_given());
  feed_.is_heard = true;
  EXPECT_TRUE(is_given());
}

TEST_F(ToldCache, AReadOverWhichAChangeWasToldMustBeAskedFor) {
  const auto before = cache_.mark("k");
  feed_.tell("k");
  cache_.put("k", context_, before);
  EXPECT_FALSE(is_given());
  cache_.confirm("k", before);
  EXPECT_FALSE(is_given());

  const auto lost = cache_.mark("k");
  feed_.lose();
  cache_.put("k", context_, lost);
  EXPECT_FALSE(is_given());
}

TEST_F(ToldCache, GivesWhatWasSavedAndNothingWhileItIs) {
  load();
  {
    ContextCache::Writing writing(cache_, "k");
    EXPECT_FALSE(is_given());
    writing.stored(context_);
    EXPECT_TRUE(is_given());
  }
  EXPECT_TRUE(is_given());
}

TEST_F(ToldCache, ASaveThatFailedLeavesItToBeAskedFor) {
  load();
  const auto before = cache_.mark("k");
  { const ContextCache::Writing writing(cache_, "k"); }
  EXPECT_FALSE(is_given());
  // Read before its end: nobody knows of before or after what.
  cache_.put("k", context_, before);
  EXPECT_FALSE(is_given());
}

TEST_F(ToldCache, AReadUnderWayWhileASaveEndsMustBeAskedFor) {
  ContextCache::Writing writing(cache_, "k");
  const auto before = cache_.mark("k");
  writing.stored(context_);
  cache_.put("k", context_, before);
  EXPECT_FALSE(is_given());
}

TEST_F(ToldCache, OfTwoSavesAtATimeTheLastToEndIsNotGiven) {
  ContextCache::Writing first(cache_, "k");
  ContextCache::Writing second(cache_, "k");
  second.stored(context_);
  first.stored(context_);
  EXPECT_FALSE(is_given());
}

TEST_F(ToldCache, ASaveOverWhichAChangeWasToldMustBeAskedFor) {
  ContextCache::Writing writing(cache_, "k");
  feed_.tell("k");
  writing.stored(context_);
  EXPECT_FALSE(is_given());
}

TEST_F(ToldCache, GivesItselfToTheLoadOfATurnAndACopyToOthers) {
  const auto save = [&] { ContextCache::Writing(cache_, "k").stored(context_); };
  const auto is_given_away = [&] {
    EXPECT_TRUE(is_given());
    EXPECT_EQ(cache_.give("k"), context_);
    return cache_.find("k", History::all) == nullptr;
  };
  save();
  EXPECT_FALSE(is_given_away());
  save();  // behind one load: a turn
  EXPECT_TRUE(is_given_away());
  save();
  EXPECT_TRUE(is_given_away());
  // A second reader, who had to ask.
  load();
  EXPECT_FALSE(is_given_away());
  save();
  EXPECT_FALSE(is_given_away());
  EXPECT_FALSE(is_given_away());
  save();
  EXPECT_FALSE(is_given_away());
  save();
  EXPECT_TRUE(is_given_away());
}

TEST_F(ToldCache, WhatWasSavedMustBeAskedForWhereNothingIsToldOfIt) {
  feed_.tells_of_saves = false;
  ContextCache::Writing writing(cache_, "k");
  writing.stored(context_);
  EXPECT_FALSE(is_given());
  load();
  EXPECT_TRUE(is_given());
}

TEST_F(ToldCache, ASaveInDoubtMustBeAskedFor) {
  ContextCache::Writing writing(cache_, "k");
  cache_.doubt("k");
  writing.stored(context_);
  EXPECT_FALSE(is_given());
}

TEST_F(ToldCache, DeletingAllLeavesNothing) {
  load();
  const auto before = cache_.mark("l");
  {
    const ContextCache::Clearing clearing(cache_);
    EXPECT_FALSE(is_given());
    load();
    EXPECT_TRUE(is_given());
  }
  EXPECT_FALSE(is_given());
  cache_.put("l", context_, before);
  EXPECT_FALSE(is_given("l"));
}

TEST(ToldCacheWithATtl, GivesWhatWasSavedUntilItMayHaveExpired) {
  Feed feed;
  ContextCache cache({.ttl = std::chrono::milliseconds(30), .cache = 10}, &feed);
  Context context(Json("id"));
  const auto is_given = [&] { return cache.find_current("k", History::all) != nullptr; };
  // How long what was read lives on, nobody says.
  cache.put("k", context, cache.mark("k"));
  EXPECT_FALSE(is_given());
  cache.confirm("k", cache.mark("k"));
  EXPECT_FALSE(is_given());
  const auto began = std::chrono::steady_clock::now();
  ContextCache::Writing writing(cache, "k");
  writing.stored(context);
  const bool was_given = is_given();
  const bool was_in_time = std::chrono::steady_clock::now() - began < std::chrono::milliseconds(30);
  EXPECT_TRUE(was_given || !was_in_time);
  EXPECT_TRUE(eventually([&] { return !is_given(); }));
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(30));
}

TEST(UntoldCache, AlwaysAsks) {
  ContextCache cache({.cache = 10}, nullptr);
  Context context(Json("id"));
  cache.put("k", context, cache.mark("k"));
  EXPECT_EQ(cache.find_current("k", History::all), nullptr);
  EXPECT_NE(cache.find("k", History::all), nullptr);
}

}  // namespace
}  // namespace dialogstore::test
