#include "storage/context_cache.hpp"

#include <algorithm>
#include <functional>

#include "model/context_access.hpp"

namespace dialogstore {

namespace {

/// What the rows from the keyframe on hold: older turns leave, as if they had not been loaded.
/// False when it takes unread ones to say how the next turn is numbered.
bool keep_unsealed(ContextAccess::State& state) {
  auto& position = *state.position;
  if (position.complete && position.pages.empty()) return true;
  for (std::size_t i = 0; i < turn_parts; ++i) {
    const auto part = static_cast<TurnPart>(i);
    const auto last = state.turns.last_index_here(part);
    const auto next = last ? *last + 1 : next_index_here(state, part);
    if (position.complete && !next) return false;
    state.next[i] = next.value_or(state.next[i]);
  }
  state.turns.forget_unread();
  state.turns.keep_only(position.unsealed_turns);
  position.complete = false;
  position.pages.clear();
  return knows_numbering(state);
}

/// Keys share their counts by chance: taken for changed, one is asked for, and nothing worse.
constexpr std::size_t count_of_counts = 1U << 14U;

std::size_t place_of(std::string_view key) noexcept {
  return std::hash<std::string_view>{}(key) % count_of_counts;
}

}  // namespace

ContextCache::ContextCache(const StorageOptions& options, ChangeFeed* changes)
    : contexts_(options.cache),
      history_(options.history),
      ttl_(options.ttl),
      changes_(changes),
      counts_(changes == nullptr ? 0 : count_of_counts) {
  if (changes_ == nullptr) return;
  changes_->listen([this](std::string_view key) { doubt(key); }, [this] { ++losses_; });
}

ContextCache::~ContextCache() {
  if (changes_ != nullptr) changes_->listen({}, {});
}

std::uint64_t ContextCache::changes_of(std::string_view key) const {
  return counts_.empty() ? 0 : counts_[place_of(key)];
}

ContextCache::Mark ContextCache::mark(std::string_view key) const {
  return {losses_, changes_of(key)};
}

bool ContextCache::is_unchanged(std::string_view key, Mark since) const {
  return changes_ != nullptr && since.losses == losses_ && since.changes == changes_of(key);
}

void ContextCache::doubt(std::string_view key) {
  if (changes_ == nullptr) return;
  ++counts_[place_of(key)];
  if (auto* kept = contexts_.peek(key)) kept->losses.reset();
}

const Context* ContextCache::find(std::string_view key, History history) {
  const auto* kept = contexts_.use(key);
  if (kept == nullptr || !kept->context) return nullptr;
  if (history == History::all && !kept->context->is_complete()) return nullptr;
  return &*kept->context;
}

void ContextCache::count_load(Kept& kept) noexcept {
  kept.loads = kept.loads == Loads::none ? Loads::one : Loads::several;
}

Context ContextCache::give(std::string_view key) {
  Kept& kept = *contexts_.peek(key);
  count_load(kept);
  if (kept.loads == Loads::several || !kept.is_taken_in_turn) return *kept.context;
  Context itself = std::move(*kept.context);
  kept.context.reset();
  return itself;
}

const Context* ContextCache::find_current(const ContextKey& key, History history) {
  const auto* kept = changes_ == nullptr ? nullptr : contexts_.peek(key.text());
  const bool is_current = kept != nullptr && kept->losses == losses_ &&
                          Clock::now() < kept->until && changes_->is_current(key);
  return is_current ? find(key.text(), history) : nullptr;
}

void ContextCache::put(std::string_view key, const Context& context, Mark before) {
  // How long one lives that has an expiry, its rows do not say.
  const bool is_told = ttl_.count() == 0 && is_unchanged(key, before);
  Kept kept{.losses = is_told ? std::optional(losses_) : std::nullopt};
  if (const auto* earlier = contexts_.find(key)) {
    kept.loads = earlier->loads;
    kept.is_taken_in_turn = earlier->is_taken_in_turn;
  }
  count_load(kept);
  keep(key, context, std::move(kept));
}

void ContextCache::confirm(std::string_view key, Mark before) {
  auto* kept = contexts_.peek(key);
  if (kept != nullptr && ttl_.count() == 0 && is_unchanged(key, before)) kept->losses = losses_;
}

void ContextCache::keep(std::string_view key, const Context& context, Kept kept) {
  kept.context = context;
  auto& state = ContextAccess::state(*kept.context);
  if (history_ == History::recent ? keep_unsealed(state) : knows_numbering(state)) {
    contexts_.put(key, std::move(kept));
  } else {
    contexts_.forget(key);  // only a load of everything says how the next turn is numbered
  }
}

void ContextCache::forget(std::string_view key) {
  contexts_.forget(key);
}

void ContextCache::clear() {
  contexts_.clear();
  ++losses_;
}

ContextCache::Writing::Writing(ContextCache& cache, std::string_view key)
    : cache_(cache), key_(key), began_(Clock::now()) {
  cache_.doubt(key_);
  mark_ = cache_.mark(key_);
}

ContextCache::Writing::~Writing() {
  if (!is_over_) cache_.doubt(key_);
}

void ContextCache::Writing::stored(const Context& context) {
  // Of two at a time nobody knows here which came last.
  const bool is_sole = cache_.is_unchanged(key_, mark_) && cache_.changes_->tells_of_saved();
  cache_.doubt(key_);
  const auto until = cache_.ttl_.count() == 0 ? Clock::time_point::max() : began_ + cache_.ttl_;
  const auto* earlier = cache_.contexts_.find(key_);
  cache_.keep(key_, context,
              {.losses = is_sole ? std::optional(cache_.losses_) : std::nullopt,
               .until = until,
               .is_taken_in_turn = earlier != nullptr && earlier->loads == Loads::one});
  is_over_ = true;
}

}  // namespace dialogstore
