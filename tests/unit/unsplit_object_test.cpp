// Objects of many members, which are kept as their text until somebody looks at a member: nobody
// may see a difference to those that are read member by member.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "dialogstore/error.hpp"
#include "dialogstore/json.hpp"
#include "model/json_access.hpp"
#include "support/random_model.hpp"

namespace dialogstore {
namespace {

using Members = std::vector<std::pair<std::string, std::string>>;

std::string text_of(const Members& members) {
  std::string text;
  for (const auto& [name, value] : members) {
    text += text.empty() ? '{' : ',';
    EXPECT_TRUE(append_json_string(text, name));
    text.append(":").append(value);
  }
  return text.empty() ? "{}" : text + '}';
}

Members counted(std::size_t count) {
  Members members;
  for (std::size_t i = 0; i < count; ++i) {
    members.emplace_back("name" + std::to_string(i * 7919 % 10'007), std::to_string(i));
  }
  return members;
}

Members members_of(const JsonObject& object) {
  Members members;
  for (const auto& [name, value] : object) members.emplace_back(name, value.text());
  return members;
}

JsonObject copy_of(const JsonObject& object) {
  return object;
}

bool is_unsplit(const JsonObject& object) {
  return JsonAccess::text_of(object).has_value();
}

/// What reading member by member makes of a text: the members, or the words of the refusal.
struct Reference {
  Members members;
  std::string refusal;
};

Reference read_one_by_one(std::string_view text) {
  Reference found;
  JsonCursor cursor(text, limits::json_depth);
  std::string_view raw;
  std::string_view value;
  std::string buffer;
  std::set<std::string, std::less<>> names;
  if (cursor.enter_object()) {
    const std::size_t begin = cursor.offset() - 1;
    while (cursor.next_member(raw, value)) {
      found.members.emplace_back(decoded_name(raw, buffer), value);
      names.insert(found.members.back().first);
    }
    const bool is_repeated = names.size() != found.members.size();
    if (is_repeated) cursor.fail_at(JsonFault::repeated_name, begin);
  }
  cursor.at_end();
  if (cursor.fault() != JsonFault::none) found.refusal = fault_text(cursor, "");
  return found;
}

void expect_as_one_by_one(std::string_view text) {
  const Reference expected = read_one_by_one(text);
  try {
    const JsonObject object = JsonObject::parse(text);
    ASSERT_EQ(expected.refusal, "") << text;
    ASSERT_EQ(object.size(), expected.members.size());
    ASSERT_EQ(object.to_text(), text_of(expected.members));
    const JsonObject copy = copy_of(object);
    ASSERT_EQ(copy, object);
    ASSERT_EQ(members_of(object), expected.members);
    ASSERT_EQ(copy, object);
    for (const auto& [name, value] : expected.members) {
      const Json* const found = copy.find(name);
      ASSERT_TRUE(found != nullptr && found->text() == value) << name;
      ASSERT_FALSE(copy.contains(name + '\0'));
    }
  } catch (const FormatError& error) {
    ASSERT_EQ(error.detail(), expected.refusal) << text;
  }
}

TEST(UnsplitObject, IsKeptAsItsTextWhenItHasManyMembersAndIsSpelledAsOurs) {
  const std::string text = text_of(counted(64));
  EXPECT_TRUE(is_unsplit(JsonObject::parse(text)));
  EXPECT_EQ(JsonObject::parse(text).to_text(), text);
  EXPECT_TRUE(is_unsplit(JsonObject::parse(' ' + text + '\n')));
  EXPECT_EQ(JsonObject::parse(' ' + text + '\n').to_text(), text);
  EXPECT_FALSE(is_unsplit(JsonObject::parse(text_of(counted(63)))));
  EXPECT_FALSE(is_unsplit(JsonObject::parse("{ " + text.substr(1))));
  EXPECT_FALSE(is_unsplit(JsonObject::parse(text.substr(0, text.size() - 1) + " }")));
  EXPECT_FALSE(is_unsplit(JsonObject::parse(text.substr(0, text.size() - 1) + ",\"\\n\":1}")));
}

TEST(UnsplitObject, SaysTheSameAsOneByOne) {
  for (std::uint64_t seed = 0; seed < 800; ++seed) {
    SCOPED_TRACE(seed);
    testing::RandomModel random(seed);
    const bool has_spaces = random.chance(4);
    const std::size_t count = random.chance(3) ? random.number(20) : 50 + random.number(250);
    std::string text = "{";
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) text += ',';
      if (has_spaces && random.chance(20)) text += ' ';
      std::string name = (random.chance(40) ? "é\\n" : "n") + std::to_string(i);
      if (random.chance(600)) name = "\\u006e" + std::to_string(random.number(i + 1));
      if (random.chance(600)) name = "n" + std::to_string(random.number(i + 1));
      text.append("\"").append(name).append("\":").append(random.json_text(1));
    }
    text += '}';
    if (random.chance(4)) {
      static constexpr std::string_view bytes = "{}[]\",:0e\\u \x01\x80\xC3";
      const std::size_t at = random.number(text.size());
      text[at] = bytes[random.number(bytes.size())];
    }
    expect_as_one_by_one(text);
    if (HasFatalFailure()) return;
  }
}

TEST(UnsplitObject, RefusesARepeatedNameWhereverItStands) {
  const std::string text = text_of(counted(500));
  const std::string rest = text.substr(1);
  for (const std::size_t i : {0U, 1U, 63U, 64U, 250U, 499U}) {
    const std::string name = counted(500)[i].first;
    expect_as_one_by_one("{\"" + name + "\":0," + rest);
    expect_as_one_by_one("{\"\\u006e" + name.substr(1) + "\":0," + rest);
    expect_as_one_by_one(text.substr(0, text.size() - 1) + ",\"" + name + "\":0}");
    expect_as_one_by_one(text.substr(0, text.size() - 1) + ",\"" + name + "\":0}x");
    expect_as_one_by_one(text.substr(0, text.size() - 1) + ",\"" + name + "x\":0}");
  }
}

// There are more names than the first ones let expect.
TEST(UnsplitObject, HasRoomForMoreNamesThanItExpected) {
  Members members;
  for (int i = 0; i < 64; ++i)
    members.emplace_back("n" + std::to_string(i), '"' + std::string(500, 'x') + '"');
  for (int i = 64; i < 20'000; ++i) members.emplace_back("n" + std::to_string(i), "1");
  const std::string text = text_of(members);
  const JsonObject object = JsonObject::parse(text);
  EXPECT_TRUE(is_unsplit(object));
  EXPECT_EQ(members_of(object), members);
  for (const char* name : {"n0", "n63", "n64", "n19999"}) {
    EXPECT_THROW(JsonObject::parse(text.substr(0, text.size() - 1) + ",\"" + name + "\":1}"),
                 FormatError);
  }
}

TEST(UnsplitObject, ComparesWithSplitOnes) {
  const Members members = counted(100);
  const JsonObject unsplit = JsonObject::parse(text_of(members));
  JsonObject built;
  for (const auto& [name, value] : members) built.set(name, Json::parse(value));
  EXPECT_EQ(unsplit, built);
  EXPECT_EQ(built, unsplit);
  built.set(members.back().first, 0);
  EXPECT_NE(unsplit, built);
  EXPECT_NE(unsplit, JsonObject::parse(built.to_text()));
  EXPECT_NE(unsplit, JsonObject());
  EXPECT_FALSE(unsplit.empty());
}

TEST(UnsplitObject, ChangesAsOthersDo) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    testing::RandomModel random(seed);
    Members expected = counted(60 + random.number(40));
    const std::string text = text_of(expected);
    JsonObject object = JsonObject::parse(text);
    if (random.chance(2)) {
      EXPECT_TRUE(object.contains(expected[7].first));
    }
    const JsonObject before = object;
    for (std::size_t step = random.number(60) + 1; step > 0; --step) {
      const std::string name =
          random.chance(3) ? "new" + std::to_string(step) : counted(100)[random.number(100)].first;
      const auto at = std::find_if(expected.begin(), expected.end(),
                                   [&](const auto& member) { return member.first == name; });
      if (random.chance(3)) {
        ASSERT_EQ(object.erase(name), at != expected.end());
        if (at != expected.end()) expected.erase(at);
      } else {
        object.set(name, static_cast<int>(step));
        if (at != expected.end()) {
          at->second = std::to_string(step);
        } else {
          expected.emplace_back(name, std::to_string(step));
        }
      }
      ASSERT_EQ(object.size(), expected.size());
    }
    ASSERT_EQ(object.to_text(), text_of(expected));
    ASSERT_EQ(members_of(object), expected);
    ASSERT_EQ(before.to_text(), text) << "a copy changed with it";
    ASSERT_EQ(members_of(before), members_of(JsonObject::parse(text)));
  }
}

TEST(UnsplitObject, RefusesANameWithoutChanging) {
  const std::string text = text_of(counted(80));
  JsonObject object = JsonObject::parse(text);
  EXPECT_THROW(object.set("\xFF", 1), FormatError);
  EXPECT_FALSE(object.erase("\xFF"));
  EXPECT_EQ(object.to_text(), text);
  object.clear();
  EXPECT_TRUE(object.empty());
  EXPECT_EQ(object.begin(), object.end());
  EXPECT_EQ(object.to_text(), "{}");
}

// As with any container: only what moves or removes members ends references to them.
TEST(UnsplitObject, ReferencesToMembersHoldWhenOthersAreReplaced) {
  JsonObject object = JsonObject::parse(text_of(counted(80)));
  const Json* const second = object.find(counted(80)[1].first);
  for (const auto& [name, value] : object) object.set(name, Json("new"));
  EXPECT_EQ(object.find(counted(80)[1].first), second);
  EXPECT_EQ(second->text(), "\"new\"");
  const JsonObject moved = std::move(object);
  EXPECT_EQ(moved.find(counted(80)[1].first), second);
}

TEST(UnsplitObject, KeepsAliveTheTextItLiesIn) {
  const auto row = std::make_shared<const std::string>("[" + text_of(counted(80)) + "]");
  const std::weak_ptr<const std::string> watch = row;
  auto object = std::make_unique<JsonObject>();
  {
    JsonCursor cursor(*row);
    ASSERT_TRUE(cursor.enter_array() && cursor.next_item());
    ASSERT_TRUE(JsonAccess::read_object(cursor, *object, TextSource(row)));
  }
  EXPECT_EQ(JsonAccess::text_of(*object)->data(), row->data() + 1) << "it was copied";
  auto copy = std::make_unique<JsonObject>(*object);
  EXPECT_EQ(JsonAccess::text_of(*copy)->data(), row->data() + 1) << "it was copied";
  object.reset();
  EXPECT_EQ(watch.use_count(), 2);
  EXPECT_EQ(members_of(*copy), counted(80));
  copy->erase(counted(80)[0].first);
  EXPECT_EQ(watch.use_count(), 1) << "kept though it is not the object's text any more";
}

TEST(UnsplitObject, IsReadByManyThreadsAtOnce) {
  const Members members = counted(300);
  const std::string text = text_of(members);
  for (int round = 0; round < 30; ++round) {
    const JsonObject object = JsonObject::parse(text);
    std::vector<std::thread> readers;
    for (std::size_t reader = 0; reader < 4; ++reader) {
      readers.emplace_back([&, reader] {
        const auto& [name, value] = members[reader * 50];
        const Json* const found = object.find(name);
        EXPECT_TRUE(found != nullptr && found->text() == value);
        const JsonObject copy = copy_of(object);
        EXPECT_EQ(copy, object);
        EXPECT_EQ(members_of(object), members);
        EXPECT_EQ(members_of(copy).size(), object.size());
        EXPECT_EQ(object.to_text(), text);
      });
    }
    for (std::thread& reader : readers) reader.join();
  }
}

}  // namespace
}  // namespace dialogstore
