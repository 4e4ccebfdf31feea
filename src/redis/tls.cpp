#include "redis/tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <boost/asio/ip/address.hpp>

namespace dialogstore::redis {
namespace {

using boost::system::error_code;

LinkFailure tls_failure(std::string detail) {
  return {errc::tls_error, true, std::move(detail)};
}

bool load_authorities(asio::ssl::context& context, const TlsSettings& settings, error_code& error,
                      std::string& what) {
  if (settings.ca_file.empty() && settings.ca_path.empty()) {
    what = "the system's certificates";
    context.set_default_verify_paths(error);
    return !error;
  }
  if (!settings.ca_file.empty()) {
    what = settings.ca_file;
    context.load_verify_file(settings.ca_file, error);
  }
  if (!error && !settings.ca_path.empty()) {
    what = settings.ca_path;
    context.add_verify_path(settings.ca_path, error);
  }
  return !error;
}

bool load_own_certificate(asio::ssl::context& context, const TlsSettings& settings,
                          error_code& error, std::string& what) {
  if (!settings.certificate_file.empty()) {
    what = settings.certificate_file;
    context.use_certificate_chain_file(settings.certificate_file, error);
  }
  if (!error && !settings.private_key_file.empty()) {
    what = settings.private_key_file;
    context.use_private_key_file(settings.private_key_file, asio::ssl::context::pem, error);
  }
  return !error;
}

}  // namespace

std::shared_ptr<asio::ssl::context> make_tls_context(const TlsSettings& settings,
                                                     LinkFailure& failure) {
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  error_code error;
  // A key with a pass phrase must fail, not ask on the terminal.
  context->set_password_callback([](std::size_t, auto) { return std::string(); }, error);
  context->set_verify_mode(settings.verify ? asio::ssl::verify_peer : asio::ssl::verify_none,
                           error);
  std::string what;
  if ((settings.verify && !load_authorities(*context, settings, error, what)) ||
      !load_own_certificate(*context, settings, error, what)) {
    failure = tls_failure("cannot use " + what + ": " + error.message());
    return nullptr;
  }
  return context;
}

LinkFailure prepare_tls_session(SSL* session, const TlsSettings& settings,
                                const std::string& name) {
  error_code not_an_address;
  asio::ip::make_address(name, not_an_address);
  if (not_an_address && !name.empty()) {
    SSL_set_tlsext_host_name(session, name.c_str());
  }
  if (!settings.verify) {
    return {};
  }
  // An empty name would match every certificate.
  if (name.empty()) {
    return tls_failure("there is no host name to check the server's certificate against");
  }
  X509_VERIFY_PARAM* parameters = SSL_get0_param(session);
  X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const int accepted = not_an_address
                           ? X509_VERIFY_PARAM_set1_host(parameters, name.data(), name.size())
                           : X509_VERIFY_PARAM_set1_ip_asc(parameters, name.c_str());
  if (accepted != 1) {
    return tls_failure("a certificate cannot be checked against the name " + name);
  }
  return {};
}

std::string tls_error_text(const error_code& error, SSL* session) {
  std::string text = error.message();
  if (const long fault = SSL_get_verify_result(session); fault != X509_V_OK) {
    text += ": ";
    text += X509_verify_cert_error_string(fault);
  }
  return text;
}

}  // namespace dialogstore::redis
