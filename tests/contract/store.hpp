// The places contexts are stored in: what every contract test runs over.
#pragma once

#include <memory>
#include <ostream>
#include <string>

#include "dialogstore/context_storage.hpp"
#include "dialogstore/options.hpp"

namespace dialogstore::test {

enum class StoreKind { memory, sqlite, redis_tcp, redis_unix, redis_cluster };
std::string_view to_string(StoreKind kind);

// Keys that a URI can name too: in this process's environment.
EncryptionKeys test_keys();

// One place, empty at first, that any number of storages may be opened on; gone with the object.
class Store {
 public:
  explicit Store(StoreKind kind, bool is_encrypted = false);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  StoreKind kind() const { return kind_; }

  // Options as the tests want them unless they say otherwise: a namespace of this store's own and
  // a timeout that a busy machine does not reach.
  StorageOptions options() const;
  // A namespace of this store's own, told apart from others by `suffix`.
  std::string name_space(const std::string& suffix = {}) const;

  std::unique_ptr<DBContextStorage> open(const StorageOptions& options) const;
  std::unique_ptr<DBContextStorage> open() const { return open(options()); }
  // What open() opens, as a URI with these options.
  std::string uri(const StorageOptions& options) const;
  // The file of an SQLite store.
  std::string file() const;

 private:
  struct Place;

  StoreKind kind_;
  bool is_encrypted_;
  std::unique_ptr<Place> place_;
};

}  // namespace dialogstore::test
