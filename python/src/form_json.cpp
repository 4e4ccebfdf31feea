// JSON text to a Form: what `json.loads` would build, without building it first.
#include <array>
#include <functional>
#include <string>

#include "form.hpp"
#include "model/json_chars.hpp"
#include "model/json_scanner.hpp"

namespace nb = nanobind;

namespace dialogstore::python {
namespace {

nb::object stolen(PyObject* object) {
  if (object == nullptr) throw nb::python_error();
  return nb::steal(object);
}

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
  std::array<Entry, 1024> entries_;
};

Keys& keys() {
  // Never destroyed: at the end the interpreter may have gone before.
  static Keys* const all = new Keys;
  return *all;
}

}  // namespace

/// Walks a text that the model has accepted: it is one valid value, nested as deep as limits allow.
/// Should it not be, something raises, and nothing is read behind its end.
class FormJson {
 public:
  FormJson(std::string_view text, Form& form)
      : at_(text.data()), end_(text.data() + text.size()), form_(form) {}

  void read_value() {
    skip_space();
    switch (peek()) {
      case '{':
        return read_object();
      case '[':
        return read_array();
      case '"':
        return add(to_str(decoded(read_string())));
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
  void add(nb::object value) {
    form_.tokens_.push_back(Form::to_token(value.ptr(), Form::leaf));
    value.release();
  }

  void read_literal(std::string_view word, PyObject* value) {
    if (!std::string_view(at_, end_).starts_with(word)) throw_fault();
    at_ += word.size();
    form_.add_leaf(value);
  }
  void read_number() {
    const char* const begin = at_;
    const auto belongs = [](char c) {
      return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
    };
    while (at_ != end_ && belongs(*at_)) ++at_;
    add(to_number({begin, at_}));
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

  void read_array() {
    const std::size_t place = form_.tokens_.size();
    form_.tokens_.push_back(Form::list);
    ++at_;
    skip_space();
    std::size_t size = 0;
    if (peek() == ']') {
      ++at_;
    } else {
      do {
        read_value();
        ++size;
      } while (goes_on(']'));
    }
    form_.tokens_[place] = size << Form::tag_bits | Form::list;
  }
  void read_object() {
    const std::size_t place = form_.tokens_.size();
    form_.begin_dict(0);
    ++at_;
    skip_space();
    std::size_t size = 0;
    bool flat = true;
    if (peek() == '}') {
      ++at_;
    } else {
      do {
        skip_space();
        const auto name = decoded(read_string());
        add(keys().get(name));
        expect(':');
        const std::size_t value = form_.tokens_.size();
        read_value();
        flat = flat && Form::tag_of(form_.tokens_[value]) == Form::leaf;
        ++size;
      } while (goes_on('}'));
    }
    form_.tokens_[place] = size << Form::tag_bits | Form::dict;
    if (flat) flatten(place);
  }
  /// Puts a dict in the place of its keys and leaves.
  void flatten(std::size_t place) {
    auto& tokens = form_.tokens_;
    nb::object dict = stolen(PyDict_New());
    for (std::size_t i = place + 1; i < tokens.size(); i += 2) {
      PyObject* const key = Form::object_of(tokens[i]);
      if (PyDict_SetItem(dict.ptr(), key, Form::object_of(tokens[i + 1])) != 0) {
        throw nb::python_error();
      }
    }
    form_.shrink(place + 1);
    tokens[place] = Form::to_token(dict.release().ptr(), Form::flat);
  }

  const char* at_;
  const char* end_;
  Form& form_;
  std::string buffer_;
};

void Form::add_json(std::string_view text) {
  FormJson(text, *this).read_value();
}

}  // namespace dialogstore::python
