#include "arguments.hpp"

#include <span>
#include <stdexcept>

namespace dialogstore::bench {

Arguments::Arguments(int count, const char* const* arguments) {
  const std::span all(arguments, static_cast<std::size_t>(count));
  if (all.size() < 2 || all.size() % 2 != 0) {
    throw std::invalid_argument("usage: turns COMMAND [--name value]...");
  }
  command_ = all[1];
  for (std::size_t i = 2; i < all.size(); i += 2) {
    const std::string name = all[i];
    if (!name.starts_with("--")) throw std::invalid_argument("no option: " + name);
    values_[name.substr(2)] = all[i + 1];
  }
}

const std::string& Arguments::text(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) throw std::invalid_argument("--" + name + " is missing");
  return found->second;
}

std::string Arguments::text(const std::string& name, const std::string& otherwise) const {
  return values_.contains(name) ? text(name) : otherwise;
}

std::uint32_t Arguments::number(const std::string& name, std::uint32_t otherwise) const {
  return values_.contains(name) ? static_cast<std::uint32_t>(std::stoul(text(name))) : otherwise;
}

double Arguments::seconds(const std::string& name, double otherwise) const {
  return values_.contains(name) ? std::stod(text(name)) : otherwise;
}

}  // namespace dialogstore::bench
