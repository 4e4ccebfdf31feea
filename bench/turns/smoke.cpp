#include "smoke.hpp"

#include "contender.hpp"
#include "play.hpp"
#include "raw.hpp"
#include "recording.hpp"
#include "redis/command.hpp"
#include "support/redis_server.hpp"
#include "support/temp_dir.hpp"

namespace dialogstore::bench {
namespace {

constexpr Work little{.at_once = 2, .stored = 3, .pool = 2, .each = 2, .seconds = 60};

class Smoke {
 public:
  explicit Smoke(const std::string& material_file)
      : material_(material_file, Material::Order::mixed) {}

  std::string run() {
    for (const auto& name : contender_names()) {
      if (name != "link") play_contender(name);
    }
    play_recording();
    check_repeat();
    return report_.to_text();
  }

 private:
  void play_contender(const std::string& name) {
    clear();
    try {
      const bool is_file = name.ends_with("sqlite");
      const auto store = is_file ? folder_.path().string() : server_.uri();
      const auto contender = make_contender({name, store, {}}, material_);
      prepare(*contender, little);
      check_figures(name, play(*contender, little, store));
    } catch (const Absent& reason) {
      report_.set(name, Json("absent: " + std::string(reason.what())));
    }
  }

  // What is recorded fits only dialogs in the state that they had: each plays a copy of them.
  void play_recording() {
    clear();
    prepare(*make_contender({"ours-recent", server_.uri(), {}}, material_), little);
    const std::string copy =
        "redis://" + std::string(server_.host()) + ":" + std::to_string(server_.port()) + "/1";
    const auto file = (folder_ / "recording").string();
    copy_dialogs();
    record(copy, material_, little.pool, little.prepared_turns(), little.each + 1).write(file);
    for (const std::string name : {"raw", "raw-connections", "link"}) {
      copy_dialogs();
      if (is_raw(name)) {
        check_figures(name, play_raw(name, Recording::read(file), little, copy));
      } else {
        check_figures(name, play(*make_contender({name, copy, file}, material_), little, copy));
      }
    }
  }

  void check_repeat() {
    const auto ping = redis::encode_command({"PING"});
    report_.set("repeat", Json(repeat_request(ping, little.at_once, 0, server_.uri()) > 0));
  }

  void clear() { command({"FLUSHALL"}); }

  void copy_dialogs() {
    for (const auto& key : command({"KEYS", "*"}).texts()) {
      command({"COPY", key, key, "DB", "1", "REPLACE"});
    }
  }

  test::RedisReply command(const std::vector<std::string>& arguments) {
    auto reply = server_.command(arguments);
    if (reply.is_error()) throw std::runtime_error(arguments[0] + ": " + reply.text);
    return reply;
  }

  void check_figures(const std::string& name, const std::string& figures) {
    const auto turns = JsonObject::parse(figures).find("turns")->as_int64();
    if (turns != std::int64_t{little.pool} * little.each) {
      throw std::runtime_error(name + " did not play all turns: " + figures);
    }
    report_.set(name, Json("played"));
  }

  Material material_;
  test::RedisServer server_;
  test::TempDir folder_;
  JsonObject report_;
};

}  // namespace

std::string smoke(const std::string& material_file) {
  return Smoke(material_file).run();
}

}  // namespace dialogstore::bench
