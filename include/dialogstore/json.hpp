// A JSON value kept as the text it came as, so that nothing is lost: big integers, `1.0`, `1e+20`,
// the order of members and their spelling survive any number of loads and saves.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace dialogstore {

enum class JsonKind : std::uint8_t { null, boolean, number, string, array, object };

class JsonObject;

/// An immutable JSON value (RFC 8259) held as its text. A value type; equality compares the text.
/// Threads: distinct objects may be used from any threads; const members of one object too.
class Json {
 public:
  Json() : text_("null") {}
  Json(std::nullptr_t) : Json() {}
  Json(bool value) : text_(value ? "true" : "false") {}
  template <std::integral Integer>
  requires(!std::same_as<Integer, bool> && !std::same_as<Integer, char>) Json(Integer value)
      : text_(std::to_string(value)) {}
  /// NaN and infinities become null, as in DFF; whole numbers keep a fraction ("1.0").
  Json(double value);
  /// A JSON string. Throws FormatError (invalid_json) when `value` is not UTF-8.
  Json(std::string_view value);
  Json(const char* value) : Json(std::string_view(value)) {}
  Json(const std::string& value) : Json(std::string_view(value)) {}
  Json(const JsonObject& object);
  /// A pointer would silently become `true`.
  template <class Pointee>
  requires(!std::same_as<std::remove_cv_t<Pointee>, char>) Json(Pointee*)
  = delete;

  /// Reads one JSON text; white space around it is dropped, inside it kept.
  /// Throws FormatError naming the byte offset: not JSON, not UTF-8, a lone surrogate, a second
  /// value behind the first, or nested deeper than limits::json_depth. Cost: one pass.
  static Json parse(std::string_view text);
  /// An array of the given values.
  static Json array(const std::vector<Json>& items);
  /// For text known to be one valid JSON value (unchecked): library code and code that just
  /// serialised it.
  static Json from_valid_text(std::string text) noexcept;

  [[nodiscard]] std::string_view text() const& noexcept { return text_; }
  [[nodiscard]] std::string text() && noexcept { return std::move(text_); }

  [[nodiscard]] JsonKind kind() const noexcept;
  [[nodiscard]] bool is_null() const noexcept { return kind() == JsonKind::null; }

  /// The value as a C++ type; nullopt when the kind differs or the number does not fit exactly
  /// (as_double rounds as IEEE does).
  [[nodiscard]] std::optional<bool> as_bool() const noexcept;
  [[nodiscard]] std::optional<std::int64_t> as_int64() const noexcept;
  [[nodiscard]] std::optional<double> as_double() const noexcept;
  [[nodiscard]] std::optional<std::string> as_string() const;
  /// The elements of an array, the members of an object (throws FormatError on a repeated name).
  [[nodiscard]] std::optional<std::vector<Json>> as_array() const;
  [[nodiscard]] std::optional<JsonObject> as_object() const;

  friend bool operator==(const Json&, const Json&) = default;

 private:
  std::string text_;
};

/// The members of a JSON object in the order they came. Names are unique, decoded UTF-8.
/// Lookup is linear up to a few dozen members, then by a hash index, whose hash nobody can
/// foretell. An object of many members that was read is split into them when they are first looked
/// at; copies, comparisons and texts of it need none.
/// Threads: distinct objects may be used from any threads; const members of one object too.
class JsonObject {
 public:
  using Member = std::pair<std::string, Json>;

  JsonObject() = default;
  JsonObject(std::initializer_list<Member> members);
  JsonObject(const JsonObject& other);
  JsonObject(JsonObject&&) noexcept = default;
  JsonObject& operator=(const JsonObject& other);
  JsonObject& operator=(JsonObject&&) noexcept = default;
  ~JsonObject() = default;
  /// Throws FormatError when `text` is not an object or repeats a name.
  static JsonObject parse(std::string_view text);

  [[nodiscard]] const Json* find(std::string_view name) const;
  [[nodiscard]] bool contains(std::string_view name) const { return find(name) != nullptr; }
  /// Replaces the member in its place, or appends it. Throws FormatError when `name` is not UTF-8.
  void set(std::string_view name, Json value);
  /// True when there was one.
  bool erase(std::string_view name);
  void clear() noexcept {
    members_.clear();
    by_name_.clear();
    unsplit_.reset();
  }

  [[nodiscard]] std::size_t size() const noexcept {
    return unsplit_ ? unsplit_size() : members_.size();
  }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] auto begin() const { return members().begin(); }
  [[nodiscard]] auto end() const { return members().end(); }

  /// Appends `{"name":value,…}` without spaces.
  void append_to(std::string& out) const;
  [[nodiscard]] std::string to_text() const;

  friend bool operator==(const JsonObject& a, const JsonObject& b) {
    if (a.unsplit_ && b.unsplit_) return same_text(a, b);
    return a.size() == b.size() && a.members() == b.members();
  }

 private:
  friend struct JsonAccess;
  using Index = std::vector<std::uint32_t>;
  struct Unsplit;

  [[nodiscard]] const std::vector<Member>& members() const {
    if (unsplit_) split();
    return members_;
  }
  [[nodiscard]] std::size_t unsplit_size() const noexcept;
  static bool same_text(const JsonObject& a, const JsonObject& b) noexcept;
  void split() const;
  [[nodiscard]] std::size_t position(std::string_view name) const noexcept;
  [[nodiscard]] std::size_t slot_of(std::string_view name) const noexcept;
  void free_slot(std::size_t slot) noexcept;
  bool index();

  // Of an object that `unsplit_` has the text of, empty until somebody looks at them.
  mutable std::vector<Member> members_;
  mutable Index by_name_;  // a hash table of positions, one more each; empty while there are few
  std::shared_ptr<Unsplit> unsplit_;  // of this object alone; null when a member was set or erased
};

}  // namespace dialogstore
