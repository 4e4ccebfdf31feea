#include "json_read.hpp"

#include <array>
#include <functional>
#include <string>

#include "model/json_access.hpp"
#include "model/json_chars.hpp"
#include "model/json_scanner.hpp"
#include "objects.hpp"

namespace nb = nanobind;

namespace dialogstore::python {
namespace {

nb::object to_str(std::string_view text) {
  return stolen(PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), nullptr));
}

nb::object to_number(std::string_view text) {
  const std::string terminated(text);
  if (text.find_first_of(".eE") == std::string_view::npos) {
    return stolen(PyLong_FromString(terminated.c_str(), nullptr, 10));
  }
  // Too large is infinite, as with json.loads.
  const double value = PyOS_string_to_double(terminated.c_str(), nullptr, nullptr);
  if (value == -1.0 && PyErr_Occurred() != nullptr) throw nb::python_error();
  return stolen(PyFloat_FromDouble(value));
}

/// The keys met last. Messages have the same ones again and again; as one object, they are made and
/// hashed once.
class Keys {
 public:
  static constexpr std::size_t most = 1024;

  nb::object get(std::string_view text) {
    if (text.size() > longest) return to_str(text);
    Entry& entry = entries_[std::hash<std::string_view>()(text) % entries_.size()];
    if (!entry.key || entry.text != text) {
      entry.key = to_str(text);
      entry.text = text;
    }
    return entry.key;
  }

 private:
  static constexpr std::size_t longest = 15;  // what a std::string holds in itself
  struct Entry {
    std::string text;
    nb::object key;
  };
  std::array<Entry, most> entries_;
};

Keys& keys() {
  // Never destroyed: at the end the interpreter may have gone before.
  static Keys* const all = new Keys;
  return *all;
}

class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  /// An object of so many members that their names are not worth being known for others.
  nb::object read_large_object() { return read_object(&to_str); }

  nb::object read_value() {
    skip_space();
    switch (peek()) {
      case '{':
        return read_object([](std::string_view name) { return keys().get(name); });
      case '[':
        return read_array();
      case '"':
        return to_str(decoded(read_string()));
      case 'n':
        return read_literal("null", Py_None);
      case 't':
        return read_literal("true", Py_True);
      case 'f':
        return read_literal("false", Py_False);
      default:
        return read_number();
    }
  }

 private:
  [[nodiscard]] char peek() const noexcept { return at_ == end_ ? '\0' : *at_; }
  void skip_space() noexcept {
    while (at_ != end_ && json_chars::is_space(*at_)) ++at_;
  }
  void expect(char wanted) {
    skip_space();
    if (peek() != wanted) throw_fault();
    ++at_;
  }
  /// True when another member or element follows.
  bool goes_on(char closing) {
    skip_space();
    if (peek() == ',') {
      ++at_;
      return true;
    }
    expect(closing);
    return false;
  }
  [[noreturn]] static void throw_fault() {
    PyErr_SetString(PyExc_ValueError, "a stored value is not JSON");
    throw nb::python_error();
  }

  nb::object read_literal(std::string_view word, PyObject* value) {
    if (!std::string_view(at_, end_).starts_with(word)) throw_fault();
    at_ += word.size();
    return nb::borrow(value);
  }
  nb::object read_number() {
    const char* const begin = at_;
    const auto belongs = [](char c) {
      return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
    };
    while (at_ != end_ && belongs(*at_)) ++at_;
    return to_number({begin, at_});
  }
  /// What stands between the quotes.
  std::string_view read_string() {
    expect('"');
    const char* const begin = at_;
    for (;;) {
      at_ = json_chars::skip_plain(at_, end_);
      if (at_ == end_) throw_fault();
      if (*at_ == '"') return {begin, at_++};
      at_ += *at_ == '\\' && at_ + 1 != end_ ? 2 : 1;
    }
  }
  std::string_view decoded(std::string_view raw) {
    if (raw.find('\\') == std::string_view::npos) return raw;
    buffer_.clear();
    append_decoded(buffer_, raw);
    return buffer_;
  }

  nb::object read_array() {
    nb::object array = stolen(PyList_New(0));
    ++at_;
    skip_space();
    if (peek() == ']') {
      ++at_;
      return array;
    }
    do {
      const nb::object item = read_value();
      if (PyList_Append(array.ptr(), item.ptr()) != 0) throw nb::python_error();
    } while (goes_on(']'));
    return array;
  }
  template <class KeyOf>
  nb::object read_object(KeyOf key_of) {
    nb::object object = stolen(PyDict_New());
    ++at_;
    skip_space();
    if (peek() == '}') {
      ++at_;
      return object;
    }
    do {
      const nb::object name = key_of(decoded(read_string()));
      expect(':');
      const nb::object value = read_value();
      if (PyDict_SetItem(object.ptr(), name.ptr(), value.ptr()) != 0) throw nb::python_error();
    } while (goes_on('}'));
    return object;
  }

  const char* at_;
  const char* end_;
  std::string buffer_;
};

}  // namespace

nb::object read_json(std::string_view text) {
  return JsonReader(text).read_value();
}

nb::object read_json_text(std::string_view text) {
  if (text.find('\\') != std::string_view::npos) return read_json(text);
  return to_str(text.substr(1, text.size() - 2));
}

nb::dict read_members(const JsonObject& object) {
  const bool are_few = object.size() <= Keys::most / 2;
  if (const auto text = JsonAccess::text_of(object)) {
    if (are_few) return nb::borrow<nb::dict>(read_json(*text));
    return nb::borrow<nb::dict>(JsonReader(*text).read_large_object());
  }
  nb::dict members;
  for (const auto& [name, value] : object) {
    const nb::object key = are_few ? keys().get(name) : to_str(name);
    const nb::object held = read_json(value.text());
    if (PyDict_SetItem(members.ptr(), key.ptr(), held.ptr()) != 0) throw nb::python_error();
  }
  return members;
}

}  // namespace dialogstore::python
