// The context of one dialog: DFF 0.7's `Context`, with the memory of what was stored and what has
// changed since, so that saving it sends only that.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dialogstore/json.hpp"
#include "dialogstore/message.hpp"

namespace dialogstore {

/// The parts of a turn, and the names of the three sequences of a DFF context.
enum class TurnPart : std::uint8_t { label = 0, request = 1, response = 2 };
inline constexpr std::size_t turn_parts = 3;

/// One turn: what DFF keeps under one index of `labels`, `requests` and `responses`.
struct Turn {
  std::int64_t index = 0;
  std::optional<Label> label;
  std::optional<Message> request;
  std::optional<Message> response;
  friend bool operator==(const Turn&, const Turn&) = default;
};

/// What `Context::clear` may clear.
enum class ContextField : std::uint8_t { labels, requests, responses, misc, framework_states };

/// A value type. Threads: as the standard containers (one writer or many readers).
///
/// Turns that nobody touches stay the bytes they came as and are parsed when asked for, so the
/// getters of turns return by value. Older turns, which are stored in pages, are not even read by a
/// load with history=all, but by the first call that cannot be answered without them, once for all
/// copies; adding turns and saving them is none of those. Should their page be damaged though its
/// checksum is right, that call throws FormatError (corrupt, unsupported_format), or StorageError
/// (too_large) when it has no memory for it, and changes nothing. Setters record what changed;
/// `storage.set_item(key, context)` sends that and, when it succeeds, forgets it: the same object
/// can be changed and saved again. A copy remembers the same stored version; saving both is a
/// conflict, as it should be.
class Context {
 public:
  /// An empty context with a fresh random id.
  Context();
  /// With the given id: a UUID, a string or an integer, as DFF allows.
  /// Throws StorageError (invalid_argument) for anything else.
  explicit Context(Json id);
  Context(const Context&);
  Context(Context&&) noexcept;
  Context& operator=(const Context&);
  Context& operator=(Context&&) noexcept;
  ~Context();

  /// Reads the JSON that DFF writes. Unknown fields are kept. Throws FormatError naming the place:
  /// not JSON, a wrong type, a repeated key, a turn index that is not an integer in
  /// limits::turn_index_min…max; StorageError (too_large) beyond limits::context_bytes.
  /// Missing fields take DFF's defaults (a missing id: a random UUID). It is a new context: nothing
  /// of it counts as stored.
  static Context from_json(std::string_view text);
  /// DFF's `Context.cast`: a context as it is, DFF's JSON, or nothing (a new one).
  static Context cast(std::optional<std::string_view> json = std::nullopt);
  /// Writes what DFF reads, byte for byte as DFF itself would; unknown fields follow the known
  /// ones. Throws StorageError (partial_context) when loaded with history=recent.
  [[nodiscard]] std::string to_json() const;
  /// The same of what is here: after a load with history=recent the newest turns alone.
  [[nodiscard]] std::string loaded_to_json() const;

  /// Tells whether two JSON texts that are spelled differently mean the same to the caller.
  using SameValue = std::function<bool(std::string_view, std::string_view)>;
  /// Takes the content of `content` over, as if each of its differences had been set here: for
  /// programs that keep dialogs in objects of their own. What is here and not in `content` is
  /// erased; turns that history=recent did not load stay. Messages are compared in the stored form,
  /// without their nulls. `is_same` is asked about texts that differ; without it they are a change.
  /// Cost: one pass over both.
  void assign(const Context& content, const SameValue& is_same = {});
  /// The same of what is in `content` alone: nothing is erased. For programs that know what
  /// changed.
  void update(const Context& content, const SameValue& is_same = {});

  [[nodiscard]] const Json& id() const noexcept;
  void set_id(Json id);

  // ---- turns -------------------------------------------------------------------------------
  /// DFF's add_*: under the last index of that sequence plus one (0 in a new context); after older
  /// turns were cleared or not loaded, numbering goes on behind them. Returns the index. Throws
  /// FormatError when a text is not UTF-8; too_large at the last index; partial_context when the
  /// last turns of the sequence were erased since a load with history=recent that did not bring the
  /// one before.
  std::int64_t add_label(const Label& label);
  std::int64_t add_request(const Message& request);
  std::int64_t add_response(const Message& response);

  [[nodiscard]] std::optional<Label> last_label() const;
  [[nodiscard]] std::optional<Message> last_request() const;
  [[nodiscard]] std::optional<Message> last_response() const;
  /// DFF's setters: replace the last one; without one, they add it as index 0 (or behind the turns
  /// that history=recent did not load; partial_context as for add_*).
  void set_last_label(const Label& label);
  void set_last_request(const Message& request);
  void set_last_response(const Message& response);

  [[nodiscard]] std::optional<Label> label(std::int64_t index) const;
  [[nodiscard]] std::optional<Message> request(std::int64_t index) const;
  [[nodiscard]] std::optional<Message> response(std::int64_t index) const;
  /// Throws StorageError (invalid_argument) for an index out of limits::turn_index_min…max.
  void set_label(std::int64_t index, const Label& label);
  void set_request(std::int64_t index, const Message& request);
  void set_response(std::int64_t index, const Message& response);
  /// Removes one part of one turn; true when there was one. Throws StorageError (partial_context)
  /// when the turn may be among those that history=recent did not load.
  bool erase(std::int64_t index, TurnPart part);

  /// Whole sequences, parsed, by index. Cost: parses every turn.
  [[nodiscard]] std::map<std::int64_t, Label> labels() const;
  [[nodiscard]] std::map<std::int64_t, Message> requests() const;
  [[nodiscard]] std::map<std::int64_t, Message> responses() const;

  /// Turn by turn, for printing and processing.
  [[nodiscard]] std::vector<std::int64_t> turn_indices() const;
  [[nodiscard]] std::optional<Turn> turn(std::int64_t index) const;
  /// Reads older turns (see above): what is stored says how far they are numbered, not how many.
  [[nodiscard]] std::size_t turn_count() const;

  /// DFF's clear: keeps the last `hold_last_n` of each named sequence and drops the rest; `misc`
  /// and `framework_states` are emptied when named. (DFF keeps everything for 0; we keep none.)
  /// Numbering goes on where it was. After a load with history=recent it throws StorageError
  /// (partial_context), changing nothing, when fewer than `hold_last_n` of a named sequence were
  /// loaded, since which to keep is not known then; 0 can always be asked for.
  void clear(std::size_t hold_last_n,
             std::initializer_list<ContextField> fields = {
                 ContextField::requests, ContextField::responses, ContextField::labels});

  // ---- state -------------------------------------------------------------------------------
  /// Setters throw FormatError when the name is not UTF-8 or the value is not one JSON value nested
  /// at most limits::json_depth deep; a value equal to the present one is no change.
  [[nodiscard]] const JsonObject& misc() const noexcept;
  void set_misc(std::string_view name, Json value);
  bool erase_misc(std::string_view name);

  [[nodiscard]] const JsonObject& framework_states() const noexcept;
  void set_framework_state(std::string_view module, Json value);
  bool erase_framework_state(std::string_view module);

  [[nodiscard]] bool validation() const noexcept;
  void set_validation(bool value);

  /// Top-level fields that DFF does not know, kept as they came.
  [[nodiscard]] const JsonObject& extra() const noexcept;
  /// Throws StorageError (invalid_argument) for the name of a field that DFF knows.
  void set_extra(std::string_view name, Json value);
  bool erase_extra(std::string_view name);

  // ---- what the store knows of it -------------------------------------------------------------
  /// True when every stored turn is here; false after a load with history=recent that left older
  /// turns in the store.
  [[nodiscard]] bool is_complete() const noexcept;
  /// True when something changed since the last load or save (always for a new context).
  [[nodiscard]] bool has_changes() const noexcept;
  /// True when a save ended with outcome_unknown, until saving this object again has settled it.
  [[nodiscard]] bool has_pending_save() const noexcept;

  /// Same content (id, turns, state); what the store knows of it does not count. Messages and
  /// labels compare parsed, other values by their text.
  friend bool operator==(const Context& a, const Context& b);

 private:
  friend struct ContextAccess;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dialogstore
