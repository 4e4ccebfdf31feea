// What a storage does behind its public face: the seam between the interface and the back ends.
// Applications do not use it; whoever writes a back end of their own derives from it.
#pragma once

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dialogstore/context.hpp"
#include "dialogstore/key.hpp"
#include "dialogstore/options.hpp"

namespace dialogstore {

namespace asio = boost::asio;

/// How an asynchronous call ends: an exception_ptr (null on success) and its result.
template <class... Results>
using Handler = asio::any_completion_handler<void(std::exception_ptr, Results...)>;

/// What a save wants of what is stored.
enum class SaveMode : std::uint8_t {
  set,  ///< store it: changes on top of what it was loaded from, or the whole in place of what is
  create,  ///< store it only when nothing is stored
};

/// One page of a listing.
struct ScanPage {
  std::vector<ContextKey> keys;
  std::string cursor;  ///< pass it to get the next page; empty: there is none
};

struct ScanOptions {
  std::size_t page_size = 1000;  ///< about so many keys a page; 1 … 100 000
  ScanOrder order = ScanOrder::any;
};

/// What `check` found in the whole namespace.
struct CheckReport {
  std::uint64_t contexts = 0;                                ///< sound ones
  std::uint64_t unlisted = 0;                                ///< stored, but missing in the index
  std::uint64_t listed_absent = 0;                           ///< in the index, but not stored
  std::vector<std::pair<std::string, std::string>> damaged;  ///< key (printable) and reason
  std::uint64_t repaired = 0;                                ///< index entries put right
  [[nodiscard]] bool sound() const noexcept {
    return unlisted == 0 && listed_absent == 0 && damaged.empty();
  }
};

/// Sizes and counters of one storage, for people: name and value.
using Statistics = std::vector<std::pair<std::string, std::string>>;

/// Turns that were saved, and where to go on watching.
struct TurnUpdate {
  std::vector<Turn> turns;
  std::int64_t next_index = 0;  ///< one past the largest turn index stored
};

class StorageEngine : public std::enable_shared_from_this<StorageEngine> {
 public:
  virtual ~StorageEngine() = default;

  virtual void contains(ContextKey key, CallOptions call, Handler<bool> handler) = 0;
  virtual void load(ContextKey key, CallOptions call, Handler<std::optional<Context>> handler) = 0;
  /// `context` must stay alive and untouched until the handler runs.
  virtual void save(ContextKey key, Context& context, SaveMode mode, CallOptions call,
                    Handler<> handler) = 0;
  virtual void append(ContextKey key, Turn turn, CallOptions call,
                      Handler<std::int64_t> handler) = 0;
  virtual void erase(ContextKey key, CallOptions call, Handler<bool> handler) = 0;
  virtual void load_turns(ContextKey key, std::int64_t from, std::int64_t to, CallOptions call,
                          Handler<std::vector<Turn>> handler) = 0;
  virtual void wait_turns(ContextKey key, std::int64_t from, CallOptions call,
                          Handler<TurnUpdate> handler) = 0;
  virtual void count(CallOptions call, Handler<std::uint64_t> handler) = 0;
  virtual void clear(CallOptions call, Handler<std::uint64_t> handler) = 0;
  virtual void scan(std::string cursor, ScanOptions options, CallOptions call,
                    Handler<ScanPage> handler) = 0;
  virtual void check(bool repair, CallOptions call, Handler<CheckReport> handler) = 0;
  virtual void statistics(CallOptions call, Handler<Statistics> handler) = 0;

  /// Makes a context that takes the place of one that was looked for and not found remember that:
  /// when someone else creates it meanwhile, saving it is a conflict and not an overwrite.
  virtual void expect_absent(const ContextKey& /*key*/, Context& /*context*/) const {}

  /// Ends waiting calls with errc::closed and lets the storage's thread finish. Idempotent.
  virtual void close() = 0;
  /// Whether the caller is on the storage's own thread, where a blocking call would wait for
  /// itself.
  [[nodiscard]] virtual bool runs_in_this_thread() const noexcept = 0;
  /// The executor calls run on; handlers without one of their own run there too.
  [[nodiscard]] virtual asio::any_io_executor executor() const = 0;
};

}  // namespace dialogstore
