#include "support/protocol_oracle.hpp"

#include <zlib.h>

#include <algorithm>

#include "format/log.hpp"
#include "model/context_access.hpp"

namespace dialogstore::test {
namespace {

std::uint32_t number_at(const std::string& bytes, std::size_t at, std::size_t size) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < size; ++i) {
    number = number << 8U | static_cast<unsigned char>(bytes[at + i]);
  }
  return number;
}

std::string bytes_of(std::uint32_t number) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes += static_cast<char>(number >> shift & 0xFFU);
  }
  return bytes;
}

Context replayed(const std::vector<std::string>& rows, bool everything, std::size_t window) {
  const std::size_t count = window == 0 ? rows.size() : std::min(window, rows.size());
  const std::vector<std::string_view> views(rows.end() - static_cast<std::ptrdiff_t>(count),
                                            rows.end());
  Context context;
  const auto result =
      format::replay(views, everything && count == rows.size(), ContextAccess::state(context));
  if (result.status == format::ReplayStatus::needs_window && window != 0) {
    return replayed(rows, false, result.window);
  }
  if (result.status != format::ReplayStatus::loaded) {
    throw Violation("the rows cannot be read: " + result.why);
  }
  return context;
}

void check_tail(const Content& tail, const Content& all, const std::string& what) {
  if (tail.misc != all.misc || tail.next != all.next) {
    throw Violation(what + ": the state differs: " + describe(tail) + ", expected " +
                    describe(all));
  }
  auto expected = all.turns.rbegin();
  for (auto found = tail.turns.rbegin(); found != tail.turns.rend(); ++found, ++expected) {
    if (expected == all.turns.rend() || *found != *expected) {
      throw Violation(what + ": not the newest turns: " + describe(tail) + ", expected of " +
                      describe(all));
    }
  }
}

void check_layout(const std::vector<RawRow>& rows) {
  std::size_t keyframe = rows.size();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const char expected = keyframe < rows.size() ? 'D' : rows[i].kind == 'K' ? 'K' : 'P';
    if (rows[i].kind != expected) {
      throw Violation(std::string("a row of kind ") + rows[i].kind + " at " + std::to_string(i));
    }
    if (rows[i].kind == 'K') {
      keyframe = i;
    } else if (keyframe < rows.size() &&
               (rows[i].seq != rows[i - 1].seq + 1 || rows[i].distance != i - keyframe)) {
      throw Violation("a gap in the sequence or a wrong distance to the keyframe");
    }
  }
  if (keyframe == rows.size()) {
    throw Violation("no keyframe");
  }
}

}  // namespace

Content content_of(const Context& context) {
  Content content;
  for (const std::int64_t index : context.turn_indices()) {
    content.turns.emplace(index, *context.turn(index));
    content.next = index + 1;
  }
  if (const auto& position = ContextAccess::state(context).position) {
    content.next = position->next_turn;
  }
  for (const auto& [name, value] : context.misc()) {
    content.misc[name] = value.text();
  }
  return content;
}

std::string describe(const Content& content) {
  std::string text = "[next " + std::to_string(content.next) + ":";
  for (const auto& [index, turn] : content.turns) {
    text += ' ' + std::to_string(index) + '=' +
            (turn.request ? turn.request->text.value_or("null") : "none");
  }
  for (const auto& [name, value] : content.misc) {
    text += ' ' + name + ':' + value;
  }
  return text + ']';
}

RawRow read_raw_row(const std::string& bytes) {
  constexpr std::size_t header = 24;
  if (bytes.size() < header || bytes[1] != '1') {
    throw Violation("a row that is none");
  }
  const std::string checked = bytes.substr(0, 20) + bytes.substr(header);
  if (::crc32(0, reinterpret_cast<const Bytef*>(checked.data()),
              static_cast<uInt>(checked.size())) != number_at(bytes, 20, 4)) {
    throw Violation("a wrong checksum");
  }
  RawRow row;
  row.kind = bytes[0];
  row.distance = number_at(bytes, 2, 2);
  row.seq = number_at(bytes, 4, 4);
  row.token = bytes.substr(8, 8);
  row.version = bytes.substr(4, 12);
  row.next = number_at(bytes, 16, 4);
  if (row.kind == 'P') {
    const std::uint32_t count = number_at(bytes, header, 2);
    for (std::uint32_t i = 0; i < count; ++i) {
      row.tokens.push_back(bytes.substr(header + 2 + std::size_t{8} * i, 8));
    }
  }
  return row;
}

std::set<std::string> versions_in(const std::vector<std::string>& rows) {
  std::set<std::string> versions;
  for (const std::string& bytes : rows) {
    const RawRow row = read_raw_row(bytes);
    if (row.kind != 'P') {
      versions.insert(row.version);
    }
    const auto count = static_cast<std::uint32_t>(row.tokens.size());
    for (std::uint32_t i = 0; i < count; ++i) {
      versions.insert(bytes_of(row.seq - count + 1 + i) + row.tokens[i]);
    }
  }
  return versions;
}

// ---- what an answer means ---------------------------------------------------------------------

void KeyOracle::check_classification(const SentSave& save, char answer) const {
  const bool base_is_there = save.base.empty() || versions_.contains(save.base);
  const bool was_applied = applied_tokens_.contains(save.own);
  if (answer == 'C' && !base_is_there && is_live()) {
    throw Violation("conflict, although the base is lost");
  }
  if (answer == 'C' && was_applied && versions_.contains(save.base)) {
    throw Violation("conflict, although it was applied");
  }
  if (answer == 'H' && !save.base.empty() && base_is_there && !was_applied) {
    throw Violation("history changed, although the base is there");
  }
  if (answer == 'A' && !was_applied) {
    throw Violation("already saved, although it never was");
  }
  if ((answer == 'G' || answer == 'D') && is_live()) {
    throw Violation("gone, although it is there");
  }
}

void KeyOracle::on_answer(const SentSave& save, char answer, int tick,
                          const std::vector<std::string>& rows) {
  if (answer == 'S' && save.op != 't') {
    on_saved(save, tick, rows);
  } else if (save.op != 't') {
    check_classification(save, answer);
  }
}

// The call that the save belongs to.
Operation& KeyOracle::note_application(const SentSave& save) {
  const auto before = applied_tokens_.find(save.own);
  // Who saves an object that was never known to be stored, and was deleted since, stores it anew:
  // it is the second call then, with the bytes of the first.
  const bool is_anew = before != applied_tokens_.end() && before->second < life_ &&
                       save.base.empty() && save.sender != save.operation;
  if (before != applied_tokens_.end() && !is_anew) {
    throw Violation("a token was applied twice");
  }
  applied_tokens_[save.own] = life_;
  Operation& operation = *save.operation;
  if (!is_anew && ++operation.applied > 1) {
    throw Violation("a call was applied twice");
  }
  if (operation.claims_nothing) {
    throw Violation("applied after its caller heard that nothing was written");
  }
  return operation;
}

void KeyOracle::on_saved(const SentSave& save, int tick, const std::vector<std::string>& rows) {
  if (!save.base.empty() && is_live() && !versions_.contains(save.base)) {
    throw Violation("saved on a lost base");
  }
  Operation& operation = note_application(save);
  const bool replaces = save.op == 'd' || (save.op == 'r' && operation.whole);
  const Operation& sender = *save.sender;
  const bool is_over = sender.end && *sender.end < tick;
  if (save.is_late && replaces && is_live() &&
      std::any_of(acknowledged_ends_.begin(), acknowledged_ends_.end(),
                  [&](int end) { return is_over && end >= *sender.end; })) {
    throw Violation("a late copy destroyed newer acknowledged saves");
  }
  if (save.base.empty() && !is_live() && is_over && end_tick_ > sender.start) {
    throw Violation("resurrected by a late copy after a delete or expiry");
  }
  if (save.op == 'd') {
    end(Status::deleted, tick);
    return;
  }
  if (rows.empty()) {
    throw Violation("saved, but nothing is stored");
  }
  const RawRow last = read_raw_row(rows.back());
  if (replaces) {
    content_ = *operation.whole;
    versions_.clear();
    acknowledged_ends_.clear();
    for (const auto& change : operation.intent) {
      change->applied = true;
    }
  } else {
    if (!is_live()) {
      throw Violation("saved into what is not there");
    }
    apply(operation);
  }
  if (status_ != Status::live) {
    live_since_ = tick;
  }
  status_ = Status::live;
  versions_.insert(last.version);
  if (save.op == 'h') {
    const auto left = versions_in(rows);
    std::erase_if(versions_, [&](const std::string& version) { return !left.contains(version); });
  }
  by_version_[last.version] = content_;
  past_.emplace_back(tick, content_);
}

void KeyOracle::apply(Operation& operation) {
  std::int64_t first = std::numeric_limits<std::int64_t>::min();
  for (const auto& change : operation.intent) {
    if (change->applied) {
      continue;
    }
    change->applied = true;
    switch (change->kind) {
      case Change::Kind::turn: {
        Turn turn = change->turn;
        turn.index = change->applied_at = content_.next++;
        content_.turns[turn.index] = turn;
        break;
      }
      case Change::Kind::edit: {
        const auto found = content_.turns.find(change->index);
        if (found != content_.turns.end()) {
          found->second.request = Message(*change->value);
        }
        break;
      }
      case Change::Kind::misc:
        if (change->value) {
          content_.misc[change->name] = *change->value;
        } else {
          content_.misc.erase(change->name);
        }
        break;
      case Change::Kind::trim:
        first = std::max(first, change->index);
        break;
    }
  }
  content_.turns.erase(content_.turns.begin(), content_.turns.lower_bound(first));
}

void KeyOracle::end(Status status, int tick) {
  status_ = status;
  content_ = {};
  versions_.clear();
  acknowledged_ends_.clear();
  end_tick_ = tick;
  ++life_;
  live_since_ = -1;
  past_.emplace_back(tick, std::nullopt);
}

void KeyOracle::on_expiry(int tick) {
  if (is_live()) {
    end(Status::absent, tick);
  } else if (status_ == Status::deleted) {
    status_ = Status::absent;
  }
}

void KeyOracle::acknowledge(const Operation& operation) {
  acknowledged_ends_.push_back(*operation.end);
}

// ---- what is stored -----------------------------------------------------------------------------

void KeyOracle::check_rows(const std::vector<std::string>& rows) const {
  std::vector<RawRow> raw;
  for (const std::string& row : rows) {
    raw.push_back(read_raw_row(row));
  }
  if (!is_live()) {
    if (!raw.empty() && (raw.size() > 1 || raw[0].kind != 'T')) {
      throw Violation("a context that was deleted or expired is back");
    }
    return;
  }
  if (raw.empty()) {
    throw Violation("the context vanished");
  }
  check_layout(raw);
  if (versions_in(rows) != versions_) {
    throw Violation("the versions found in the rows are not those that were saved");
  }
  const Content stored = content_of(replayed(rows, true, 0));
  if (stored != content_) {
    throw Violation("stored " + describe(stored) + ", expected " + describe(content_));
  }
  for (const std::size_t seal_after : {2U, 4U, 8U}) {
    check_tail(content_of(replayed(rows, false, seal_after + 2)), content_, "a recent load");
  }
}

void KeyOracle::check_loaded(const Context& context, const char* what) const {
  const auto& position = ContextAccess::state(context).position;
  if (!position) {
    throw Violation(std::string(what) + ": a context without a version");
  }
  const auto found = by_version_.find(format::encode_version(position->version));
  if (found == by_version_.end()) {
    throw Violation(std::string(what) + ": a version that never was");
  }
  const Content content = content_of(context);
  check_tail(content, found->second, what);
  if (context.is_complete() && content != found->second) {
    throw Violation(std::string(what) + ": " + describe(content) + ", expected " +
                    describe(found->second));
  }
}

}  // namespace dialogstore::test
