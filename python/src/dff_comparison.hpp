// How a DFF context differs from its twin, found in one go or a slice at a time.
#pragma once

#include <nanobind/nanobind.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "context.hpp"
#include "dff_fields.hpp"
#include "model/context_access.hpp"
#include "plain_messages.hpp"
#include "slice.hpp"

namespace dialogstore::python {

/// `_core.Comparison`. Holds the twin from the beginning to the end. In slices it looks at copies
/// of the sequences as they were at the beginning, so that turns which come meanwhile are left to
/// the next save as a whole; a message that is changed meanwhile is taken as it is when its turn
/// comes.
class Comparison {
 public:
  /// `fields`: the DFF context's own. `seen` and `large` outlive it.
  Comparison(std::shared_ptr<const PlainMessages> messages, LargeDicts& large, const Seen* seen,
             const PyContext& twin, nanobind::dict fields);

  /// Goes on; false when the slice was over before the work.
  bool step(Slice::Seconds seconds);
  /// Lets go of the twin. Nothing when the fields are of other types than DFF gives them, so that
  /// all has to be looked at.
  std::optional<Changes> result();
  /// Lets go of the twin.
  void close() { held_.reset(); }

 private:
  /// Over one sequence, beside the turns of the twin, which have mostly the same order.
  struct Walk {
    Walk(TurnPart of, nanobind::object dict, const TurnTable& twin)
        : part(of), live(std::move(dict)), turns_(twin), is_there_(twin.all().size()) {}

    /// The text that the twin has under an index of the dict; null when there is none.
    const SharedText* twins(std::int64_t index);
    void add_gone(std::vector<std::pair<TurnPart, std::int64_t>>& gone) const;

    TurnPart part;
    nanobind::object live;
    Py_ssize_t place = 0;
    nanobind::dict special;         ///< messages that take pydantic
    std::size_t stamped = 0;        ///< in the Seen's messages
    std::size_t place_of_load = 0;  ///< in the turns that unread messages are of

   private:
    const TurnTable& turns_;
    std::vector<bool> is_there_;
    std::size_t next_ = 0;
  };

  void begin(bool in_slices);
  bool compare_state();
  bool compare_labels(Walk& walk, const Slice& slice);
  bool compare_messages(Walk& walk, const Slice& slice);
  void compare_message(Walk& walk, std::int64_t index, PyObject* key, PyObject* message);
  void end(const Walk& walk);
  [[nodiscard]] PyObject* field(const char* name) const;

  std::shared_ptr<const PlainMessages> messages_;
  LargeDicts& large_;
  const Seen* seen_;
  std::optional<HeldContext> held_;
  nanobind::dict fields_;
  std::optional<std::vector<Walk>> walks_;  ///< none before the beginning
  std::size_t ended_ = 0;
  bool fits_ = true;
  Changes found_;
};

}  // namespace dialogstore::python
