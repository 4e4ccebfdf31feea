// A small certificate authority for TLS tests; the files live in a folder given by the caller.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

namespace dialogstore::test {

struct CertificateFiles {
  std::filesystem::path certificate;
  std::filesystem::path key;
};

struct CertificateRequest {
  std::string name = "server";  // of the two files, and the common name
  // Subject alternative names in OpenSSL's notation.
  std::string names = "DNS:localhost,IP:127.0.0.1";
  bool is_expired = false;
};

class CertificateAuthority {
 public:
  // Writes <name>.crt and <name>.key into the folder.
  explicit CertificateAuthority(std::filesystem::path folder, const std::string& name = "ca");
  ~CertificateAuthority();

  const std::filesystem::path& certificate() const { return files_.certificate; }
  CertificateFiles issue(const CertificateRequest& request) const;

 private:
  struct Identity;

  std::filesystem::path folder_;
  CertificateFiles files_;
  std::unique_ptr<Identity> identity_;
};

}  // namespace dialogstore::test
