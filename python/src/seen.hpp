// What a DFF context held when it was last the same as its twin, the `Context` that is saved for
// it: so that a load builds what it can without pydantic, and a save looks only at what changed.
#pragma once

#include <nanobind/nanobind.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "context.hpp"
#include "dialogstore/context.hpp"
#include "plain_messages.hpp"

namespace dialogstore::python {

/// `_core.Seen`: the parts of the turns in the order of their dicts, and the two dicts of state.
struct Seen {
  struct Part {
    std::int64_t index;
    FormPtr form;
  };
  std::array<std::vector<Part>, turn_parts> sequences;
  FormPtr misc, framework_states;
};

/// `_core.Changes`: how a context differs from what was seen of it.
struct Changes {
  Seen now;
  /// As the fields of a context that holds nothing else: what was set, or may have changed.
  nanobind::dict fields;
  std::vector<std::pair<TurnPart, std::int64_t>> gone;
  std::vector<std::string> gone_misc, gone_states;
  /// Parts seen for the first time: places in `now`.
  std::vector<std::pair<TurnPart, std::size_t>> fresh;
};

/// `_core.Forms`: of one storage. `message` is DFF's class.
class Forms {
 public:
  explicit Forms(nanobind::object message) : plain_(std::move(message)) {}

  /// What `core` holds, as fields of a DFF context. `validated` makes a message of DFF's JSON of it
  /// where it takes pydantic.
  std::pair<Seen, nanobind::dict> load(const PyContext& core, const nanobind::callable& validated);

  /// How `fields`, a DFF context's own, differ from what was seen: from nothing when that is None.
  /// Nothing when they are of other types than DFF gives them, so that all has to be looked at.
  std::optional<Changes> changes(const Seen* seen, const nanobind::dict& fields) const;

  /// Puts changes into the twin: `content` is what DFF makes of their fields.
  Seen apply(Changes& changes, const PyContext& twin, const PyContext& content,
             const nanobind::object& is_same);
  /// For a twin that has them already.
  Seen keep(Changes& changes, const PyContext& twin);

 private:
  // Of texts; what they stand for takes some six times as much.
  static constexpr std::size_t cache_bytes = std::size_t{8} << 20;

  nanobind::object part_of(TurnPart part, std::string_view text,
                           const nanobind::callable& validated, FormPtr& form);
  [[nodiscard]] FormPtr form_of(TurnPart part, PyObject* value) const;
  [[nodiscard]] bool matches(TurnPart part, const FormPtr& form, PyObject* value) const;
  bool compare_sequence(TurnPart part, const Seen* seen, PyObject* live, Changes& found) const;

  PlainMessages plain_;
  // A message and the misc of a context may have the same text, and have different forms.
  FormCache parts_{cache_bytes};
  FormCache objects_{cache_bytes};
};

void bind_seen(nanobind::module_& module);

}  // namespace dialogstore::python
