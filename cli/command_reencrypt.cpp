// After a new key was put in front, or when encryption begins: the contexts that nobody saves.
#include <exception>

#include "commands.hpp"
#include "dialogstore/uri.hpp"
#include "interrupt.hpp"
#include "key_listing.hpp"
#include "text_layout.hpp"

namespace dialogstore::cli {
namespace {

// So many contexts are held in memory at a time.
constexpr std::size_t batch = 16;

/// A save without changes writes a context anew where that is needed, and only there.
class Reencryption {
 public:
  Reencryption(DBContextStorage& storage, Progress& progress)
      : storage_(storage), progress_(progress) {}

  void add(const std::vector<ContextKey>& keys) {
    auto contexts = storage_.get_items(keys, whole_history);
    std::vector<std::pair<ContextKey, Context*>> items;
    for (std::size_t at = 0; at < keys.size(); ++at) {
      // Deleted since it was listed: nothing is left to encrypt.
      if (contexts[at]) items.emplace_back(keys[at], &*contexts[at]);
    }
    for (const std::exception_ptr& error :
         storage_.set_items(std::move(items), {.on_conflict = ConflictPolicy::merge})) {
      if (error && code_of(error) == errc::gone) continue;
      if (error) std::rethrow_exception(error);
      ++contexts_;
      progress_.advance();
    }
  }

  [[nodiscard]] std::uint64_t contexts() const noexcept { return contexts_; }

 private:
  DBContextStorage& storage_;
  Progress& progress_;
  std::uint64_t contexts_ = 0;
};

}  // namespace

ExitCode run(Session& session, const ReencryptCommand&) {
  if (parse_uri(session.uri()).options.encryption.empty()) {
    throw CommandError(ExitCode::usage, "the storage's URI names no keys: add encrypt=file:PATH");
  }
  const InterruptGuard guard;
  auto& storage = session.storage();
  Progress progress(session.terminal(), "encrypting", storage.len());
  Reencryption work(storage, progress);
  for_each_key_page(
      storage, ScanOrder::any, {},
      [&](const std::vector<ContextKey>& keys) {
        work.add(keys);
        return true;
      },
      batch);
  if (session.json()) {
    print_line(JsonObject{{"contexts", work.contexts()}, {"interrupted", interrupted()}}.to_text());
  } else if (!session.quiet()) {
    print_line(std::string(interrupted() ? "interrupted: " : "") + grouped(work.contexts()) +
               " contexts are encrypted with the first key");
  }
  return interrupted() ? ExitCode::interrupted : ExitCode::ok;
}

}  // namespace dialogstore::cli
