// TLS settings as an OpenSSL context, and OpenSSL's failures as texts.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <memory>
#include <string>

#include "redis/handshake.hpp"
#include "redis/link.hpp"

namespace dialogstore::redis {

/// Reads the certificate files. Null with `failure` set when one cannot be used.
[[nodiscard]] std::shared_ptr<asio::ssl::context> make_tls_context(const TlsSettings& settings,
                                                                   LinkFailure& failure);

/// Asks for and checks the server's name on one connection. `name` is a host name or an address.
[[nodiscard]] LinkFailure prepare_tls_session(SSL* session, const TlsSettings& settings,
                                              const std::string& name);

/// OpenSSL's text, with the certificate's fault if it was one.
[[nodiscard]] std::string tls_error_text(const boost::system::error_code& error, SSL* session);

}  // namespace dialogstore::redis
