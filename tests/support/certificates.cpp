#include "support/certificates.hpp"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <stdexcept>
#include <utility>

namespace dialogstore::test {
namespace {

struct Free {
  void operator()(X509* x) const { X509_free(x); }
  void operator()(EVP_PKEY* x) const { EVP_PKEY_free(x); }
  void operator()(X509_EXTENSION* x) const { X509_EXTENSION_free(x); }
  void operator()(std::FILE* x) const { std::fclose(x); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

constexpr long kDay = 24L * 60 * 60;

void check(bool good, const char* what) {
  if (!good) {
    throw std::runtime_error(std::string("cannot make a certificate: ") + what);
  }
}

template <class T>
Owned<T> own(T* made, const char* what) {
  check(made != nullptr, what);
  return Owned<T>(made);
}

void add_extension(X509* to, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
  const auto extension =
      own(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()), value.c_str());
  check(X509_add_ext(to, extension.get(), -1) == 1, "X509_add_ext");
}

Owned<X509> unsigned_certificate(const std::string& name, EVP_PKEY* key, long from, long to) {
  auto made = own(X509_new(), "X509_new");
  std::uint64_t serial = 0;
  check(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof(serial)) == 1, "RAND_bytes");
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(made.get()), serial >> 1);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), from);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), to);
  X509_set_pubkey(made.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return made;
}

CertificateFiles write(const std::filesystem::path& folder, const std::string& name, X509* made,
                       EVP_PKEY* key) {
  CertificateFiles files{folder / (name + ".crt"), folder / (name + ".key")};
  const auto certificate = own(std::fopen(files.certificate.c_str(), "w"), "fopen");
  check(PEM_write_X509(certificate.get(), made) == 1, "PEM_write_X509");
  const auto secret = own(std::fopen(files.key.c_str(), "w"), "fopen");
  check(PEM_write_PrivateKey(secret.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
        "PEM_write_PrivateKey");
  return files;
}

}  // namespace

struct CertificateAuthority::Identity {
  Owned<EVP_PKEY> key;
  Owned<X509> certificate;
};

CertificateAuthority::CertificateAuthority(std::filesystem::path folder, const std::string& name)
    : folder_(std::move(folder)), identity_(std::make_unique<Identity>()) {
  identity_->key = own(EVP_EC_gen("P-256"), "key");
  EVP_PKEY* key = identity_->key.get();
  identity_->certificate = unsigned_certificate("test authority " + name, key, -kDay, 10 * kDay);
  X509* made = identity_->certificate.get();
  X509_set_issuer_name(made, X509_get_subject_name(made));
  add_extension(made, made, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(made, made, NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(made, made, NID_subject_key_identifier, "hash");
  check(X509_sign(made, key, EVP_sha256()) > 0, "X509_sign");
  files_ = write(folder_, name, made, key);
}

CertificateAuthority::~CertificateAuthority() = default;

CertificateFiles CertificateAuthority::issue(const CertificateRequest& request) const {
  const auto key = own(EVP_EC_gen("P-256"), "key");
  const long from = request.is_expired ? -2 * kDay : -kDay;
  const long to = request.is_expired ? -kDay : 10 * kDay;
  const auto made = unsigned_certificate(request.name, key.get(), from, to);
  X509* issuer = identity_->certificate.get();
  X509_set_issuer_name(made.get(), X509_get_subject_name(issuer));
  add_extension(made.get(), issuer, NID_basic_constraints, "critical,CA:FALSE");
  add_extension(made.get(), issuer, NID_ext_key_usage, "serverAuth,clientAuth");
  add_extension(made.get(), issuer, NID_authority_key_identifier, "keyid");
  if (!request.names.empty()) {
    add_extension(made.get(), issuer, NID_subject_alt_name, request.names);
  }
  check(X509_sign(made.get(), identity_->key.get(), EVP_sha256()) > 0, "X509_sign");
  return write(folder_, request.name, made.get(), key.get());
}

}  // namespace dialogstore::test
