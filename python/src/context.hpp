// A Context as Python holds it.
#pragma once

#include <nanobind/nanobind.h>

#include <array>
#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "dialogstore/context.hpp"

namespace dialogstore::python {

/// Of each turn and each of its parts, whether it is a message that need not be read at once.
using Survey = std::vector<std::array<bool, turn_parts>>;

/// Shared with a save in progress, which may outlive the Python object.
struct ContextBox {
  explicit ContextBox(Context held) : context(std::move(held)) {}

  Context context;
  Survey survey;  ///< of the context as it was loaded; empty when nobody made one
  std::atomic<bool> saving = false;
};

/// `_core.Context`: values as JSON texts; dialogstore/context.py gives them to people.
class PyContext {
 public:
  explicit PyContext(Context context) : box_(std::make_shared<ContextBox>(std::move(context))) {}

  /// The context. Throws StorageError (save_in_progress) while the storage's thread works on it.
  [[nodiscard]] Context& get() const;
  [[nodiscard]] const std::shared_ptr<ContextBox>& box() const noexcept { return box_; }

 private:
  std::shared_ptr<ContextBox> box_;
};

/// A context that one thread works on while Python code may run in between, and with it other
/// threads. Throws StorageError (save_in_progress) when another has it, or the storage's thread.
class HeldContext {
 public:
  explicit HeldContext(const PyContext& context);
  ~HeldContext() {
    if (box_) box_->saving.store(false, std::memory_order_release);
  }
  HeldContext(HeldContext&&) = default;
  HeldContext& operator=(HeldContext&&) = delete;

  [[nodiscard]] Context& get() const noexcept { return box_->context; }
  [[nodiscard]] ContextBox& box() const noexcept { return *box_; }

 private:
  std::shared_ptr<ContextBox> box_;
};

/// What Python says whether two JSON texts mean the same; None: nothing to ask.
Context::SameValue same_value(const nanobind::object& is_same);

/// The parts of a turn that are there, as `(index, label, request, response)`.
nanobind::object to_python(const Turn& turn);

void bind_context(nanobind::module_& module);

}  // namespace dialogstore::python
