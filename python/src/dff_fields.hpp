// Between a DFF context's own fields and its twin, the `Context` that is saved for it: so that a
// load builds without pydantic what it can, and a save looks only at what changed.
#pragma once

#include <nanobind/nanobind.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "context.hpp"
#include "dialogstore/context.hpp"
#include "plain_messages.hpp"
#include "slice.hpp"
#include "stamps.hpp"

namespace dialogstore::python {

/// `_core.Seen`: stamps of what a DFF context held when it was the same as its twin. What has none
/// is compared by its JSON.
struct Seen {
  struct Message {
    std::int64_t index;
    std::size_t begin, end;  ///< in `stamps`
  };
  std::array<std::vector<Message>, turn_parts> messages;
  Stamps stamps, misc, framework_states;
};

/// `_core.Changes`: how a context differs from its twin.
struct Changes {
  struct Part {
    TurnPart part;
    std::int64_t index;
    std::size_t begin, size;  ///< in `texts`
  };
  struct Members {
    std::vector<std::pair<std::string, std::string>> set;  ///< names and JSON
    std::vector<std::string> gone;
    std::string all;  ///< instead, where the twin has none: the JSON of them
  };
  Seen now;
  /// The stored form of the parts that were set or may have changed.
  std::string texts;
  std::vector<Part> set;
  std::vector<std::pair<TurnPart, std::int64_t>> gone;
  Members misc, framework_states;
  /// What is not plain, as the fields of a context that holds nothing else; it takes pydantic.
  nanobind::dict fields;
};

/// Dicts of many members that hold no others, by the JSON they came as: a bot's misc is mostly the
/// same from turn to turn, and copying a dict is a tenth of making it. Once `capacity` bytes of
/// JSON have come in, those that nobody asked for meanwhile go.
class LargeDicts {
 public:
  static constexpr std::size_t least_members = 64;

  /// A copy; null when there is none.
  [[nodiscard]] nanobind::object find(std::string_view text);
  /// Takes a copy, unless the dict is another than those.
  void put(std::string_view text, PyObject* dict);

 private:
  static constexpr std::size_t capacity = std::size_t{4} << 20;
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  using Map = std::unordered_map<std::string, nanobind::object, Hash, std::equal_to<>>;

  void keep(std::string text, nanobind::object dict);

  std::size_t size_ = 0;
  Map young_, old_;
};

class Comparison;
class Loading;

/// `_core.DffFields`, with DFF's class of messages and the one of unread messages.
class DffFields {
 public:
  DffFields(nanobind::object message, nanobind::object unread)
      : messages_(std::make_shared<const PlainMessages>(std::move(message), std::move(unread))) {}

  /// What `core` holds becomes fields of a DFF context. `validated` makes a message of DFF's JSON
  /// of it where it takes pydantic. This outlives what it returns.
  Loading load(const PyContext& core, nanobind::callable validated);

  /// How `fields`, a DFF context's own, differ from the twin. This and `seen` outlive what it
  /// returns.
  Comparison compare(const Seen* seen, const PyContext& twin, nanobind::dict fields);

  /// Puts changes into the twin: `content` is what DFF makes of their fields, None if there are
  /// none.
  static Seen apply(Changes& changes, const PyContext& twin, const PyContext* content,
                    const nanobind::object& is_same);

 private:
  std::shared_ptr<const PlainMessages> messages_;
  LargeDicts large_;
};

/// `_core.Loading`: the fields of a DFF context being built. Holds the twin meanwhile.
class Loading {
 public:
  Loading(std::shared_ptr<const PlainMessages> messages, LargeDicts& large, const PyContext& core,
          nanobind::callable validated);

  /// Goes on; false when the slice was over before the work.
  bool step(Slice::Seconds seconds);
  /// What was built, and stamps of it. Lets go of the twin.
  std::pair<Seen, nanobind::dict> result();
  /// Lets go of the twin.
  void close() { held_.reset(); }

 private:
  void load_turn();
  nanobind::object members_of(const JsonObject& object, Stamps& stamps);

  std::shared_ptr<const PlainMessages> messages_;
  LargeDicts& large_;
  std::optional<HeldContext> held_;
  nanobind::callable validated_;
  Survey survey_;
  nanobind::object unread_;  ///< an UnreadTurns
  std::size_t next_ = 0;     ///< in its turns
  std::array<nanobind::dict, turn_parts> sequences_;
};

void bind_dff_fields(nanobind::module_& module);

}  // namespace dialogstore::python
