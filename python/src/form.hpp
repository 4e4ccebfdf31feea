// A value of plain Python, remembered: to see later whether an object still holds just that, and to
// build another one that does. Everything here is used under the GIL.
#pragma once

#include <nanobind/nanobind.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace dialogstore::python {

/// Values one after the other, as a flat list of tokens. Strings, numbers, booleans and None are
/// shared with the objects seen or built, since nobody can change them; a container is never.
///
///   token  = leaf           the object; null: opaque, something whose content is not known
///          | flat           a dict of ours, with leaves alone in it
///          | dict(n)        then n times key, token
///          | list(n)        then n tokens
class Form {
 public:
  Form() = default;
  Form(Form&& other) noexcept : tokens_(std::move(other.tokens_)) { other.tokens_.clear(); }
  Form& operator=(Form&& other) noexcept {
    tokens_.swap(other.tokens_);
    return *this;
  }
  Form(const Form&) = delete;
  Form& operator=(const Form&) = delete;
  ~Form();

  /// Adds what a JSON text says, as `json.loads` would build it. Throws python_error.
  void add_json(std::string_view text);
  /// Adds what an object holds. Opaque is what has no JSON, is of a class of its own (it might
  /// change behind our back), or comes back from JSON as something else: tuples, keys of another
  /// type than str, NaN.
  void add(PyObject* value);
  /// Adds an object that nobody can change.
  void add_shared(const nanobind::object& value) { add_leaf(value.ptr()); }
  void add_none() { add(Py_None); }
  /// Whether some of it is.
  [[nodiscard]] bool is_opaque() const noexcept;

  /// Reads the tokens from the first one on.
  class Reader {
   public:
    explicit Reader(const Form& form) noexcept : next_(form.tokens_.data()) {}
    /// Whether `value` holds the next value: the same leaves in the same order. False where they
    /// are only equal, and for what is opaque; the reader stands nowhere then.
    bool matches(PyObject* value);
    /// A new object of the next value.
    nanobind::object build();
    /// Steps over the next value.
    void skip();
    [[nodiscard]] bool is_opaque() const noexcept { return *next_ == 0; }
    /// The number of members when a dict comes next that is not flat; enters it.
    std::size_t enter_dict() noexcept { return *next_++ >> tag_bits; }
    [[nodiscard]] bool is_dict() const noexcept { return tag_of(*next_) == dict; }
    /// The dict when a flat one comes next; borrowed.
    [[nodiscard]] PyObject* flat_dict() const noexcept {
      return tag_of(*next_) == flat ? object_of(*next_) : nullptr;
    }
    /// Takes a key; borrowed.
    PyObject* key() noexcept { return object_of(*next_++); }

   private:
    const std::uintptr_t* next_;
  };

 private:
  friend class FormJson;
  enum Tag : std::uintptr_t { leaf, flat, dict, list };
  static constexpr unsigned tag_bits = 2;
  static constexpr std::uintptr_t tag_mask = 3;

  static Tag tag_of(std::uintptr_t token) noexcept { return static_cast<Tag>(token & tag_mask); }
  static PyObject* object_of(std::uintptr_t token) noexcept {
    return reinterpret_cast<PyObject*>(token & ~tag_mask);
  }
  static std::uintptr_t to_token(PyObject* object, Tag tag) noexcept {
    return reinterpret_cast<std::uintptr_t>(object) | tag;
  }
  void add_opaque() { tokens_.push_back(0); }
  void begin_dict(std::size_t size) { tokens_.push_back(size << tag_bits | dict); }
  void add_leaf(PyObject* value);
  void add_value(PyObject* value, std::size_t depth);
  void add_dict(PyObject* value, std::size_t depth);
  /// Drops the tokens from `begin` on.
  void shrink(std::size_t begin) noexcept;

  std::vector<std::uintptr_t> tokens_;
};

/// Whether a dict key is one that stands for something else than itself in what we store.
bool is_reserved_key(PyObject* key) noexcept;
bool is_reserved_key(std::string_view key) noexcept;

}  // namespace dialogstore::python
