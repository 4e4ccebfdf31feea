#include "storage/apply_save.hpp"

#include <optional>

#include "dialogstore/limits.hpp"

namespace dialogstore {

namespace {

using format::RowHeader;
using format::RowKind;
using format::SaveOp;
using format::SaveRequest;

constexpr std::size_t answered_header_bytes = 20;

/// What the rows say of a token: whose save it was, and whether the base is still there.
enum class Found : std::uint8_t { own, base, neither };

/// One row, newest to oldest. The versions of a page are those of the rows it sealed: its last
/// token has the sequence number of its header, the one before it the number before, and so on.
std::optional<Found> look_in_row(std::string_view row, const Token& own,
                                 const std::optional<Version>& base, std::uint32_t& oldest) {
  format::RowView view;
  if (format::decode_row(row, view) != format::RowFault::none) return Found::neither;
  oldest = view.header.version.seq;
  if (view.header.kind != RowKind::page) {
    if (view.header.version.token == own) return Found::own;
    if (base && view.header.version == *base) return Found::base;
    return std::nullopt;
  }
  const auto tokens = format::decode_tokens(view.tokens);
  for (std::size_t i = tokens.size(); i-- > 0;) {
    if (tokens[i] == own) return Found::own;
    const auto seq = oldest - static_cast<std::uint32_t>(tokens.size() - 1 - i);
    if (base && seq == base->seq && tokens[i] == base->token) return Found::base;
  }
  if (!tokens.empty()) oldest -= static_cast<std::uint32_t>(tokens.size() - 1);
  return std::nullopt;
}

/// Walks back until the answer is sure: a save can only ever sit right after its base.
SaveAnswer classify(RowList& rows, const Token& own, const std::optional<Version>& base) {
  const std::uint32_t base_seq = base ? base->seq : 0;
  std::uint32_t oldest = 0;
  for (std::size_t i = rows.size(); i-- > 0;) {
    const auto found = look_in_row(rows.row(i), own, base, oldest);
    if (found == Found::own) return SaveAnswer::already;
    if (found == Found::base) return SaveAnswer::conflict;
    if (found == Found::neither || oldest < base_seq) return SaveAnswer::history_changed;
  }
  return !base && oldest == 1 ? SaveAnswer::conflict : SaveAnswer::history_changed;
}

void push_all(RowList& rows, const SaveRequest& request, std::size_t from) {
  for (std::size_t i = from; i < request.rows.size(); ++i) rows.push_back(request.rows[i]);
}

void change(RowList& rows, const SaveRequest& request) {
  const std::size_t size = rows.size();
  switch (request.op) {
    case SaveOp::touch:
      return;
    case SaveOp::append:
      return push_all(rows, request, 0);
    case SaveOp::seal:
      rows.drop_back(static_cast<std::size_t>(request.n));
      return push_all(rows, request, 0);
    case SaveOp::edit:
      rows.set(size - static_cast<std::size_t>(-request.n), request.rows.front());
      return push_all(rows, request, 1);
    case SaveOp::drop_head:
      push_all(rows, request, 0);
      return rows.drop_front(static_cast<std::size_t>(request.n));
    case SaveOp::replace:
    case SaveOp::erase:
      rows.drop_front(size);
      return push_all(rows, request, 0);
  }
}

bool possible(const SaveRequest& request, std::size_t size) {
  const auto n = request.n;
  const auto count = static_cast<std::int64_t>(size);
  switch (request.op) {
    case SaveOp::touch:
      return request.rows.empty();
    case SaveOp::append:
    case SaveOp::replace:
      return !request.rows.empty();
    case SaveOp::seal:
      return !request.rows.empty() && n >= 1 && n <= count;
    case SaveOp::edit:
      return request.rows.size() >= 2 && n < 0 && -n <= count;
    case SaveOp::drop_head:
      return !request.rows.empty() && n >= 0 && n <= count;
    case SaveOp::erase:
      return request.rows.size() == 1;
  }
  return false;
}

}  // namespace

SaveResult apply_save(RowList& rows, const SaveRequest& request) {
  const std::size_t size = rows.size();
  const auto base = format::decode_version(request.base);
  SaveResult result;
  if (size == 0 && base) return {.answer = SaveAnswer::gone, .last_header = {}};
  if (size > 0) {
    const std::string last = rows.row(size - 1);
    RowHeader header;
    const auto fault = last.size() < format::header_bytes ? format::RowFault::too_short
                                                          : format::decode_header(last, header);
    if (fault == format::RowFault::newer_format) {
      throw Failure{errc::unsupported_format, "a newer version of this library wrote the last row"};
    }
    if (fault != format::RowFault::none) {
      throw Failure{errc::corrupt, "the last row is not one of ours"};
    }
    if (!base || header.version != *base) {
      result.last_header = last.substr(0, answered_header_bytes);
      if (header.version.token == request.own) {
        result.answer = SaveAnswer::already;
      } else if (header.kind == RowKind::tombstone) {
        result.answer = SaveAnswer::deleted;
      } else {
        result.answer = classify(rows, request.own, base);
      }
      return result;
    }
  }
  if (request.rows.size() > limits::save_rows || !possible(request, size)) {
    throw Failure{errc::invalid_argument, "a save that does not fit the rows it names"};
  }
  change(rows, request);
  return result;
}

}  // namespace dialogstore
