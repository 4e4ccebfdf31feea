#include "contender.hpp"

#include "bare_link.hpp"
#include "naive.hpp"
#include "naive_sqlite.hpp"
#include "ours.hpp"

namespace dialogstore::bench {

std::string key_of(std::uint32_t dialog) {
  return "dialog-" + std::to_string(dialog);
}

const std::vector<std::string>& contender_names() {
  static const std::vector<std::string> names{
      "ours-recent", "ours-all", "ours-cache", "ours-tracked", "ours-all-tracked", "dff-layout",
      "memory",      "sqlite",   "naive",      "naive-safe",   "naive-sqlite",     "link"};
  return names;
}

std::unique_ptr<Contender> make_contender(const ContenderSettings& settings,
                                          const Material& material) {
  if (settings.name == "link") return make_bare_link(settings);
  if (settings.name == "naive-sqlite") return make_naive_sqlite(settings, material);
  if (settings.name.starts_with("naive")) return make_naive(settings, material);
  return make_ours(settings, material);
}

}  // namespace dialogstore::bench
