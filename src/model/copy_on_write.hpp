// A value that copies share until one of them changes it.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace dialogstore {

/// Threads: as the standard containers, though copies may share the value: one writer or many
/// readers of each object. A moved-from object is empty, as a default one is.
template <class Value>
class CopyOnWrite {
 public:
  CopyOnWrite() = default;
  CopyOnWrite(Value value) : shared_(new Shared(std::move(value))) {}
  CopyOnWrite(const CopyOnWrite& other) noexcept : shared_(other.shared_) {
    if (shared_ != nullptr) shared_->users.fetch_add(1, std::memory_order_relaxed);
  }
  CopyOnWrite(CopyOnWrite&& other) noexcept : shared_(std::exchange(other.shared_, nullptr)) {}
  CopyOnWrite& operator=(CopyOnWrite other) noexcept {
    std::swap(shared_, other.shared_);
    return *this;
  }
  ~CopyOnWrite() {
    // Who changes the value as its last user must see all that the others did with it.
    if (shared_ != nullptr && shared_->users.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      delete shared_;
    }
  }

  [[nodiscard]] const Value& operator*() const noexcept {
    return shared_ == nullptr ? none_ : shared_->value;
  }
  [[nodiscard]] const Value* operator->() const noexcept { return &**this; }

  [[nodiscard]] bool is_shared() const noexcept {
    return shared_ != nullptr && shared_->users.load(std::memory_order_acquire) != 1;
  }
  /// The value of this object alone: copied when others share it. What was read from it before is
  /// not to be looked at any more.
  [[nodiscard]] Value& change() {
    if (shared_ == nullptr || is_shared()) become_sole();
    return shared_->value;
  }

 private:
  struct Shared {
    explicit Shared(Value initial) : value(std::move(initial)) {}
    std::atomic<std::size_t> users = 1;
    Value value;
  };

  void become_sole() { *this = CopyOnWrite(Value(**this)); }

  static constinit inline const Value none_{};
  Shared* shared_ = nullptr;
};

}  // namespace dialogstore
