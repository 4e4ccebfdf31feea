// A context is saved by one call at a time.
#pragma once

#include "model/context_access.hpp"
#include "storage/row_log.hpp"

namespace dialogstore {

/// Marks a context as being saved while it lives. Holds the context, not the mark: a merge puts
/// another inside into it.
class Saving {
 public:
  /// Throws Failure (save_in_progress).
  explicit Saving(Context& context) : context_(context) {
    if (ContextAccess::state(context_).saving) {
      throw Failure{errc::save_in_progress,
                    "this Context object is being saved already; await that save first"};
    }
    ContextAccess::state(context_).saving = true;
  }
  ~Saving() { ContextAccess::state(context_).saving = false; }
  Saving(const Saving&) = delete;
  Saving& operator=(const Saving&) = delete;

 private:
  Context& context_;
};

}  // namespace dialogstore
