// The arguments of this program: `turns COMMAND [--name value]...`.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace dialogstore::bench {

class Arguments {
 public:
  /// Throws std::invalid_argument for what is not `--name value`.
  Arguments(int count, const char* const* arguments);

  [[nodiscard]] const std::string& command() const noexcept { return command_; }
  /// Throws std::invalid_argument when it was not given.
  [[nodiscard]] const std::string& text(const std::string& name) const;
  [[nodiscard]] std::string text(const std::string& name, const std::string& otherwise) const;
  [[nodiscard]] std::uint32_t number(const std::string& name, std::uint32_t otherwise) const;
  [[nodiscard]] double seconds(const std::string& name, double otherwise) const;

 private:
  std::string command_;
  std::map<std::string, std::string> values_;
};

}  // namespace dialogstore::bench
