// What is said in the measured dialogs, read from a file of JSON lines, one dialog a line:
//
//   {"turns":[{"label":["flow","node"],"request":{DFF message},"response":{DFF message},
//              "misc":{…}},…]}          misc is optional: what the turn changes
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dialogstore/context.hpp"

namespace dialogstore::bench {

struct SaidTurn {
  Label label;
  Message request;
  Message response;
  JsonObject misc;
  std::size_t turn_bytes = 0;   ///< of the turn alone as JSON, nulls left out
  std::size_t state_bytes = 0;  ///< of `misc` as JSON
};

/// Adds the turn behind the others.
void add_turn(Context& context, const SaidTurn& turn);
/// A context as a bot has it before the first turn: with a few facts about the user.
[[nodiscard]] Context fresh_context(std::uint32_t dialog);

class Material {
 public:
  /// Which turn is the n-th of a dialog.
  enum class Order : std::uint8_t {
    mixed,  ///< turns of all dialogs of the file, one behind the other, from a place of its own
    exact   ///< the n-th turn of that dialog of the file, which must have so many
  };

  /// Throws std::runtime_error: no such file, no turn in it.
  Material(const std::string& file, Order order);

  [[nodiscard]] const SaidTurn& turn(std::uint32_t dialog, std::uint32_t number) const;
  [[nodiscard]] std::uint32_t dialogs() const noexcept {
    return static_cast<std::uint32_t>(starts_.size());
  }
  [[nodiscard]] std::uint32_t turns_of(std::uint32_t dialog) const;
  /// Over all turns of the file.
  [[nodiscard]] double mean_turn_bytes() const;
  [[nodiscard]] double mean_state_bytes() const;

 private:
  Order order_;
  std::vector<SaidTurn> turns_;
  std::vector<std::size_t> starts_;  ///< of each dialog's turns
};

/// A context with the first `turns` turns of the dialog.
[[nodiscard]] Context context_of(const Material& material, std::uint32_t dialog,
                                 std::uint32_t turns);

}  // namespace dialogstore::bench
