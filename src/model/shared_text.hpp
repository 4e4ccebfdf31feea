// Text that may lie inside something larger: what was loaded is read where the reply or the page
// lies, instead of being copied out of it part by part.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace dialogstore {

/// Immutable text; copies share it. It keeps alive what it lies in: with a part, the whole.
class SharedText {
 public:
  SharedText() = default;
  SharedText(std::string text) {
    if (text.empty()) return;
    const auto own = std::make_shared<const std::string>(std::move(text));
    text_ = *own;
    owner_ = own;
  }
  SharedText(const char* text) : SharedText(std::string(text)) {}
  /// `text` lies in what `owner` keeps alive.
  SharedText(std::string_view text, std::shared_ptr<const void> owner) noexcept
      : owner_(std::move(owner)), text_(text) {}

  SharedText(const SharedText&) = default;
  SharedText& operator=(const SharedText&) = default;
  SharedText(SharedText&& other) noexcept
      : owner_(std::move(other.owner_)), text_(std::exchange(other.text_, {})) {}
  SharedText& operator=(SharedText&& other) noexcept {
    owner_ = std::move(other.owner_);
    text_ = std::exchange(other.text_, {});
    return *this;
  }
  ~SharedText() = default;

  operator std::string_view() const noexcept { return text_; }
  [[nodiscard]] std::string_view view() const noexcept { return text_; }
  [[nodiscard]] bool empty() const noexcept { return text_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return text_.size(); }

  template <std::convertible_to<std::string_view> Text>
  friend bool operator==(const SharedText& a, const Text& b) noexcept {
    return a.text_ == std::string_view(b);
  }

 private:
  std::shared_ptr<const void> owner_;
  std::string_view text_;
};

/// Where texts that are read come from.
class TextSource {
 public:
  /// Of bytes that do not outlive the reading: texts are copied.
  TextSource() = default;
  explicit TextSource(std::shared_ptr<const void> owner) noexcept : owner_(std::move(owner)) {}
  /// Whether the bytes outlive the reading.
  [[nodiscard]] bool is_lasting() const noexcept { return owner_ != nullptr; }
  [[nodiscard]] SharedText take(std::string_view text) const {
    return owner_ ? SharedText(text, owner_) : SharedText(std::string(text));
  }

 private:
  std::shared_ptr<const void> owner_;
};

}  // namespace dialogstore
