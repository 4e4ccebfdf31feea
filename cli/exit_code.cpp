#include "exit_code.hpp"

#include "dialogstore/error.hpp"

namespace dialogstore::cli {

ExitCode exit_code_of(const std::error_code& code) noexcept {
  if (code.category() != error_category()) return ExitCode::internal;
  switch (static_cast<errc>(code.value())) {
    case errc::key_not_found:
      return ExitCode::no;
    case errc::invalid_uri:
    case errc::invalid_argument:
    case errc::invalid_key:
      return ExitCode::usage;
    case errc::timed_out:
    case errc::unavailable:
    case errc::server_busy:
    case errc::protocol_error:
    case errc::server_error:
    case errc::tls_error:
    case errc::closed:
    case errc::overloaded:
    case errc::unsupported_server:
    case errc::not_replicated:
      return ExitCode::unavailable;
    case errc::conflict:
    case errc::history_changed:
    case errc::gone:
    case errc::already_exists:
    case errc::outcome_unknown:
    case errc::save_in_progress:
      return ExitCode::conflict;
    case errc::invalid_json:
    case errc::corrupt:
    case errc::unsupported_format:
    case errc::wrong_type:
      return ExitCode::damaged;
    case errc::auth_failed:
    case errc::permission_denied:
    case errc::read_only:
    case errc::wrong_key:
      return ExitCode::denied;
    case errc::too_large:
    case errc::server_out_of_memory:
    case errc::storage_full:
      return ExitCode::full;
    case errc::io_error:
      return ExitCode::file;
    case errc::canceled:
      return ExitCode::interrupted;
    case errc::would_deadlock:
    case errc::partial_context:
      return ExitCode::internal;
  }
  return ExitCode::internal;
}

}  // namespace dialogstore::cli
