#include "dialogstore/error.hpp"

#include <array>
#include <new>
#include <utility>

namespace dialogstore {
namespace {

struct ErrorText {
  std::string_view name;
  std::string_view sentence;
};

constexpr auto error_texts = std::to_array<ErrorText>({
    {"ok", "no error"},
    {"key_not_found", "no context is stored under this key"},
    {"conflict", "someone saved this context in between"},
    {"history_changed", "the state this context was loaded from is no longer there"},
    {"gone", "the context was deleted or expired after it was loaded"},
    {"already_exists", "a context is stored under this key already"},
    {"outcome_unknown", "the save may or may not have happened"},
    {"timed_out", "the deadline passed and nothing was written"},
    {"unavailable", "the server cannot be reached"},
    {"canceled", "the call was cancelled"},
    {"invalid_uri", "the storage URI is wrong"},
    {"invalid_argument", "an argument or option is out of range"},
    {"invalid_key", "the key is empty or too long"},
    {"too_large", "a size limit would be exceeded"},
    {"invalid_json", "the text is not the JSON that was expected"},
    {"corrupt", "stored bytes are damaged"},
    {"unsupported_format", "written by a newer version of this library"},
    {"wrong_type", "the key holds another application's data"},
    {"auth_failed", "the server refused user or password"},
    {"permission_denied", "the user lacks a command that the store needs"},
    {"read_only", "the server does not accept writes"},
    {"server_out_of_memory", "the server is at its memory limit"},
    {"server_busy", "the server is loading or busy with a script"},
    {"storage_full", "the disk behind the store is full"},
    {"protocol_error", "the peer does not speak the Redis protocol as it should"},
    {"server_error", "the server answered with an error"},
    {"tls_error", "the TLS handshake or the certificate check failed"},
    {"would_deadlock", "a blocking call was made from the storage's own thread"},
    {"save_in_progress", "this context object is being saved already"},
    {"partial_context", "the context was loaded without its older turns"},
    {"closed", "the storage was closed"},
    {"overloaded", "too many calls are waiting already"},
    {"unsupported_server", "the server lacks something the store needs"},
    {"io_error", "the file of the store cannot be read or written"},
    {"not_replicated", "the save was written, but too few replicas or disks have it yet"},
    {"wrong_key", "stored rows are encrypted with a key that was not given"},
});
static_assert(error_texts.size() == static_cast<std::size_t>(errc::wrong_key) + 1);

constexpr ErrorText unknown_text{"unknown", "unknown error"};

const ErrorText& text_of(int value) noexcept {
  const auto index = static_cast<std::size_t>(value);
  return value >= 0 && index < error_texts.size() ? error_texts[index] : unknown_text;
}

class Category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "dialogstore"; }
  std::string message(int value) const override { return std::string(text_of(value).sentence); }
};

// <operation> "<key>": <detail> (<code>)
std::string compose(errc code, const std::string& operation, const std::string& key,
                    const std::string& detail) {
  std::string text = operation;
  if (!key.empty()) {
    if (!text.empty()) text += ' ';
    text.append(1, '"').append(key).append(1, '"');
  }
  if (!text.empty()) text += ": ";
  text += detail.empty() ? text_of(static_cast<int>(code)).sentence : std::string_view(detail);
  return text.append(" (").append(to_string(code)).append(1, ')');
}

// Hands the exception of the class that belongs to `code` to `use`.
template <class Use>
decltype(auto) with_exception(errc code, std::string&& operation, std::string&& key,
                              std::string&& detail, Use use) {
  const auto made = [&]<class Error>(std::type_identity<Error>) {
    return use(Error(code, std::move(operation), std::move(key), std::move(detail)));
  };
  switch (code) {
    case errc::key_not_found:
      return made(std::type_identity<KeyError>{});
    case errc::conflict:
    case errc::history_changed:
    case errc::gone:
    case errc::already_exists:
      return made(std::type_identity<ConflictError>{});
    case errc::invalid_json:
    case errc::corrupt:
    case errc::unsupported_format:
      return made(std::type_identity<FormatError>{});
    case errc::invalid_uri:
      return made(std::type_identity<UriError>{});
    case errc::timed_out:
    case errc::outcome_unknown:
      return made(std::type_identity<TimeoutError>{});
    default:
      return made(std::type_identity<StorageError>{});
  }
}

}  // namespace

const std::error_category& error_category() noexcept {
  static const Category category;
  return category;
}

std::error_code make_error_code(errc code) noexcept {
  return {static_cast<int>(code), error_category()};
}

bool is_transient(const std::error_code& code) noexcept {
  if (code.category() != error_category()) return false;
  switch (static_cast<errc>(code.value())) {
    case errc::unavailable:
    case errc::timed_out:
    case errc::server_busy:
    case errc::overloaded:
    case errc::server_out_of_memory:
    case errc::storage_full:
      return true;
    default:
      return false;
  }
}

bool is_outcome_unknown(const std::error_code& code) noexcept {
  return code == make_error_code(errc::outcome_unknown);
}

std::string_view to_string(errc code) noexcept {
  return text_of(static_cast<int>(code)).name;
}

StorageError::StorageError(errc code, std::string operation, std::string key, std::string detail)
    : std::system_error(make_error_code(code)),
      operation_(std::move(operation)),
      key_(std::move(key)),
      detail_(std::move(detail)),
      what_(compose(code, operation_, key_, detail_)) {}

void throw_error(errc code, std::string operation, std::string key, std::string detail) {
  with_exception(code, std::move(operation), std::move(key), std::move(detail),
                 []<class Error>(Error&& error) { throw std::forward<Error>(error); });
  std::terminate();  // not reached: every branch above throws
}

std::exception_ptr make_error(errc code, std::string operation, std::string key,
                              std::string detail) {
  return with_exception(code, std::move(operation), std::move(key), std::move(detail),
                        []<class Error>(Error&& error) {
                          return std::make_exception_ptr(std::forward<Error>(error));
                        });
}

std::error_code code_of(const std::exception_ptr& error) noexcept {
  if (!error) return {};
  try {
    std::rethrow_exception(error);
  } catch (const std::system_error& failure) {
    return failure.code();
  } catch (const std::bad_alloc&) {
    return std::make_error_code(std::errc::not_enough_memory);
  } catch (...) {
    return std::make_error_code(std::errc::state_not_recoverable);
  }
}

std::string message_of(const std::exception_ptr& error) {
  if (!error) return {};
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& failure) {
    return failure.what();
  } catch (...) {
    return "an exception of unknown type";
  }
}

}  // namespace dialogstore
