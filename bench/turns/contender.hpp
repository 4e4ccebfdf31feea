// One way of keeping contexts, as this program drives it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "flow/task.hpp"
#include "material.hpp"

namespace dialogstore::bench {

namespace asio = boost::asio;

/// It cannot run here; the text says why.
class Absent : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Contender {
 public:
  virtual ~Contender() = default;
  /// Its one thread: all calls run there.
  virtual asio::any_io_executor executor() = 0;
  /// Stores a context with the first `turns` turns of the dialog.
  virtual Task<void> prepare(std::uint32_t dialog, std::uint32_t turns) = 0;
  /// Loads the context, adds the turn of that number, saves.
  virtual Task<void> turn(std::uint32_t dialog, std::uint32_t number) = 0;
};

[[nodiscard]] std::string key_of(std::uint32_t dialog);

struct ContenderSettings {
  std::string name;
  std::string store;      ///< where: redis://host:port/db or a folder (SQLite)
  std::string recording;  ///< file, of `link`
};

/// The names that make_contender knows. `raw` and `raw-connections` are in raw.hpp.
[[nodiscard]] const std::vector<std::string>& contender_names();
/// Throws Absent. `material` must outlive it.
[[nodiscard]] std::unique_ptr<Contender> make_contender(const ContenderSettings& settings,
                                                        const Material& material);

}  // namespace dialogstore::bench
