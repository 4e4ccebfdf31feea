// The server-side scripts: their texts, the requests that run them, and what the save script
// answers.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "format/log.hpp"
#include "redis/reply.hpp"
#include "storage/row_log.hpp"

namespace dialogstore::redis {

/// How a script is named in a request: by its SHA-1, or with its text, which the server remembers.
enum class ScriptForm : std::uint8_t { by_name, with_text };

/// A script, as a rule for exactly one key.
class Script {
 public:
  explicit Script(std::string_view text);

  [[nodiscard]] std::string request(ScriptForm form, std::string_view key,
                                    std::span<const std::string_view> arguments) const;
  [[nodiscard]] std::string request(ScriptForm form, std::string_view key,
                                    std::initializer_list<std::string_view> arguments) const;
  /// With several keys and no arguments.
  [[nodiscard]] std::string request_for(std::span<const std::string_view> keys) const;

  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] const std::string& sha1() const noexcept { return sha1_; }

 private:
  std::string text_;
  std::string sha1_;  ///< 40 lower-case hexadecimal digits
};

const Script& save_script();
const Script& touch_read_script();
const Script& list_script();
const Script& unlist_script();
const Script& probe_script();
const Script& presences_script();
const Script& dff_swap_script();
const Script& replicate_script();

/// What one copy of a save carries beside the save itself.
struct SaveCopy {
  std::chrono::milliseconds ttl{0};    ///< zero: for ever; of an erase: the tombstone's life
  std::chrono::milliseconds fence{0};  ///< server time after which the copy is too late
  bool first = true;                   ///< no earlier copy went unanswered
  bool tracked = false;  ///< the server is to tell this connection when others change the key
  ScriptForm form = ScriptForm::by_name;
};

[[nodiscard]] std::string save_request(std::string_view name, const format::SaveRequest& save,
                                       const SaveCopy& copy);

// The letters of the script's answer: those of SaveAnswer and these.
enum class Refusal : char {
  late = 'L',          ///< after its fence
  newer_format = 'F',  ///< the last row was written by a newer version
  not_ours = 'X',      ///< what is stored there is no log of rows
  too_many_rows = 'E',
};

struct ScriptAnswer {
  std::optional<SaveAnswer> answer;
  std::optional<Refusal> refusal;
  std::string last_header;
  std::optional<std::chrono::milliseconds> server_time;
};

/// The first 16 hexadecimal digits of the SHA-1 of a value, as dff_swap.lua names it.
[[nodiscard]] std::string value_digest(std::string_view value);

/// Nothing when the reply is no answer of the script.
[[nodiscard]] std::optional<ScriptAnswer> read_save_answer(const ReplyNode& reply);

namespace script_texts {
extern const char* const save;
extern const char* const touch_read;
extern const char* const list;
extern const char* const unlist;
extern const char* const probe;
extern const char* const presences;
extern const char* const dff_swap;
extern const char* const replicate;
}  // namespace script_texts

}  // namespace dialogstore::redis
