// Measures one contender in one cell of the benchmark; bench/run starts it for each. Prints one
// JSON object.
//
//   turns names                       the contenders
//   turns prepare  --contender … --store … --material … --stored N --pool N
//   turns play     the same and --dialogs N --each N --seconds S [--recording FILE]
//   turns record   --store … --material … --stored N --pool N --each N --recording FILE
//   turns repeat   --store … --request FILE --dialogs N --seconds S
//   turns corpus   --contender … --store … --material … --dialogs N
//                                     whole dialogs from their first turn, each turn in its place
//   turns smoke    --material …       a little of everything, on a server of its own
#include <cstdio>
#include <exception>
#include <fstream>
#include <sstream>

#include "arguments.hpp"
#include "contender.hpp"
#include "figures.hpp"
#include "play.hpp"
#include "raw.hpp"
#include "recording.hpp"
#include "smoke.hpp"

namespace {

using namespace dialogstore;
using namespace dialogstore::bench;

Material material_of(const Arguments& arguments, Material::Order order) {
  return {arguments.text("material"), order};
}

ContenderSettings settings_of(const Arguments& arguments) {
  return {arguments.text("contender"), arguments.text("store", ""),
          arguments.text("recording", "")};
}

std::string play_cell(const Arguments& arguments) {
  const auto settings = settings_of(arguments);
  const auto work = Work::from(arguments);
  if (is_raw(settings.name)) {
    return play_raw(settings.name, Recording::read(settings.recording), work, settings.store);
  }
  const auto material = material_of(arguments, Material::Order::mixed);
  const auto contender = make_contender(settings, material);
  // What is in memory was not prepared by an earlier process.
  if (settings.name == "memory") prepare(*contender, work);
  return play(*contender, work, settings.store);
}

std::string prepare_cell(const Arguments& arguments) {
  const auto material = material_of(arguments, Material::Order::mixed);
  prepare(*make_contender(settings_of(arguments), material), Work::from(arguments));
  return "{}";
}

std::string record_cell(const Arguments& arguments) {
  const auto material = material_of(arguments, Material::Order::mixed);
  const auto work = Work::from(arguments);
  record(arguments.text("store"), material, work.pool, work.prepared_turns(), work.each + 1)
      .write(arguments.text("recording"));
  return "{}";
}

std::string repeat(const Arguments& arguments) {
  std::ostringstream request;
  request << std::ifstream(arguments.text("request"), std::ios::binary).rdbuf();
  const auto work = Work::from(arguments);
  const double rate =
      repeat_request(request.str(), work.at_once, work.seconds, arguments.text("store"));
  return JsonObject{{"requests_per_second", Json(rate)}}.to_text();
}

// The file's dialogs are as long as its first.
std::string play_corpus(const Arguments& arguments) {
  const auto material = material_of(arguments, Material::Order::exact);
  const auto contender = make_contender(settings_of(arguments), material);
  auto work = Work::from(arguments);
  work.stored = 0;
  work.pool = material.dialogs();
  work.each = material.turns_of(0);
  work.seconds = 3600;
  prepare(*contender, work);
  auto figures = JsonObject::parse(play(*contender, work, arguments.text("store")));
  figures.set("json_bytes_of_turn", Json(material.mean_turn_bytes()));
  figures.set("json_bytes_of_state", Json(material.mean_state_bytes()));
  return figures.to_text();
}

std::string names() {
  std::vector<Json> all;
  for (const auto& name : contender_names()) all.emplace_back(name);
  return Json::array(all).text();
}

std::string run(const Arguments& arguments) {
  const auto& command = arguments.command();
  if (command == "names") return names();
  if (command == "prepare") return prepare_cell(arguments);
  if (command == "play") return play_cell(arguments);
  if (command == "record") return record_cell(arguments);
  if (command == "repeat") return repeat(arguments);
  if (command == "corpus") return play_corpus(arguments);
  if (command == "smoke") return smoke(arguments.text("material"));
  throw std::invalid_argument("no command " + command);
}

}  // namespace

int main(int count, char** arguments) {
  try {
    std::puts(run(Arguments(count, arguments)).c_str());
    return 0;
  } catch (const Absent& reason) {
    std::puts(JsonObject{{"absent", Json(std::string(reason.what()))}}.to_text().c_str());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "turns: %s\n", error.what());
    return 1;
  }
}
