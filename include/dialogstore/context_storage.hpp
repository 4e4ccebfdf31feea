// The interface of the seed: `DBContextStorage` of the Dialog Flow Framework, every method under
// its own name, asynchronous and blocking.
//
//   auto storage = context_storage_factory("redis://localhost");
//   Context context = storage->get("user-1", Context{});
//   context.add_request("Hi");
//   storage->set_item("user-1", context);
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dialogstore/context.hpp"
#include "dialogstore/error.hpp"
#include "dialogstore/key.hpp"
#include "dialogstore/options.hpp"
#include "dialogstore/storage_engine.hpp"

namespace dialogstore {

class ContextReference;

/// Stores contexts by key.
///
/// Asynchronous calls end in `*_async` and take an Asio completion token: `co_await` them (no token
/// needed in an asio::awaitable coroutine), pass asio::use_future, or a callback
/// `void(std::exception_ptr, Result)`. The exceptions are those of error.hpp; `code_of` reads the
/// code without rethrowing.
///
/// Threads: every member may be called from any thread at any time. A Context that is being saved
/// must not be touched until that save ends.
/// Deadline: each call ends within its timeout (StorageOptions::timeout), retries included.
/// Cancellation: through the token's slot (any type); a cancelled save is either not sent, or its
/// outcome is unknown, which the context remembers: saving it again settles it.
/// Blocking calls are the same operations, waited for. Made from a handler on the storage's own
/// thread they throw would_deadlock.
/// Destruction: closes the storage; calls in flight end with errc::closed.
class DBContextStorage {
 public:
  virtual ~DBContextStorage();
  DBContextStorage(const DBContextStorage&) = delete;
  DBContextStorage& operator=(const DBContextStorage&) = delete;

  /// The URI this storage was opened with, without the password (DFF: full_path).
  [[nodiscard]] const std::string& full_path() const noexcept { return full_path_; }
  /// The part behind `scheme://` (DFF: path).
  [[nodiscard]] std::string_view path() const noexcept;

  // ---- the seed, asynchronous ------------------------------------------------------------------

  /// Whether a context is stored under `key`. Cost: one round trip, a few bytes.
  template <class Token = asio::use_awaitable_t<>>
  auto contains_async(ContextKey key, Token&& token = {}, CallOptions call = {}) {
    return start<bool>(std::forward<Token>(token), [engine = engine_, key = std::move(key),
                                                    call](Handler<bool> handler) mutable {
      engine->contains(std::move(key), call, std::move(handler));
    });
  }

  /// Stores `context`, which must stay alive and untouched until the call ends. A context that was
  /// loaded from here sends what changed since; one that was not replaces whatever is stored.
  /// Atomicity: readers see all of a save or nothing of it; it takes effect exactly once however
  /// often it had to be sent.
  /// Errors: conflict, history_changed, gone (see ConflictPolicy); outcome_unknown: save the same
  /// object again, which first finds out what became of the earlier save. When others have replaced
  /// or deleted the context meanwhile, that may be impossible: the save ends once with
  /// history_changed or gone, saying so, and writes nothing. From then on the object is judged as
  /// any other, but never merged, since what is stored may hold its changes already: load the
  /// context again, save with `overwrite`, or save the object elsewhere.
  /// After success the context remembers its new version and can be saved again; after a merge it
  /// holds the merged content.
  /// Cost: one round trip; bytes as of what changed (every `seal_after`-th save also sends the page
  /// of the turns in between); one more for a context that is created.
  template <class Token = asio::use_awaitable_t<>>
  auto set_item_async(ContextKey key, Context& context, Token&& token = {}, CallOptions call = {}) {
    return start_save(std::move(key), context, SaveMode::set, std::forward<Token>(token), call);
  }
  /// The same for a context nobody needs afterwards; the call owns it.
  template <class Token = asio::use_awaitable_t<>>
  auto set_item_async(ContextKey key, Context&& context, Token&& token = {},
                      CallOptions call = {}) {
    return start<>(
        std::forward<Token>(token),
        [engine = engine_, key = std::move(key),
         owned = std::make_shared<Context>(std::move(context)), call](Handler<> handler) mutable {
          save_owned(*engine, std::move(key), std::move(owned), call, std::move(handler));
        });
  }

  /// The stored context. Throws KeyError naming the key when there is none.
  /// Cost: one round trip; with history=recent the same bytes at any length of the dialog.
  template <class Token = asio::use_awaitable_t<>>
  auto get_item_async(ContextKey key, Token&& token = {}, CallOptions call = {}) {
    return start<Context>(std::forward<Token>(token), [engine = engine_, key = std::move(key),
                                                       call](Handler<Context> handler) mutable {
      load_or_throw(*engine, std::move(key), call, std::move(handler));
    });
  }

  /// The stored context, or `otherwise` when there is none. Saving `otherwise` then is a conflict
  /// when someone else created the context meanwhile, so that no first turn is lost either.
  template <class Token = asio::use_awaitable_t<>>
  auto get_async(ContextKey key, Context otherwise, Token&& token = {}, CallOptions call = {}) {
    return start<Context>(
        std::forward<Token>(token), [engine = engine_, key = std::move(key),
                                     otherwise = std::make_shared<Context>(std::move(otherwise)),
                                     call](Handler<Context> handler) mutable {
          load_or_default(*engine, std::move(key), std::move(otherwise), call, std::move(handler));
        });
  }

  /// The stored context, if there is one.
  template <class Token = asio::use_awaitable_t<>>
  auto find_async(ContextKey key, Token&& token = {}, CallOptions call = {}) {
    return start<std::optional<Context>>(std::forward<Token>(token),
                                         [engine = engine_, key = std::move(key),
                                          call](Handler<std::optional<Context>> handler) mutable {
                                           engine->load(std::move(key), call, std::move(handler));
                                         });
  }

  /// For callers of `find`: lets a context that takes the place of an absent one remember that, as
  /// `get` does with its default. No call to the store.
  void expect_absent(const ContextKey& key, Context& context) const;

  /// Removes the context; true when this call removed it, false when there was none. A save of it
  /// by someone who loaded it before ends with `gone`.
  /// Errors: outcome_unknown also when others deleted or replaced it while an answer was lost, so
  /// that it is not known whose delete it was: calling again removes what is there then.
  /// Cost: two round trips.
  template <class Token = asio::use_awaitable_t<>>
  auto del_item_async(ContextKey key, Token&& token = {}, CallOptions call = {}) {
    return start<bool>(std::forward<Token>(token), [engine = engine_, key = std::move(key),
                                                    call](Handler<bool> handler) mutable {
      engine->erase(std::move(key), call, std::move(handler));
    });
  }

  /// How many contexts this namespace holds; never counts anything else in the same database.
  template <class Token = asio::use_awaitable_t<>>
  auto len_async(Token&& token = {}, CallOptions call = {}) {
    return start<std::uint64_t>(std::forward<Token>(token),
                                [engine = engine_, call](Handler<std::uint64_t> handler) mutable {
                                  engine->count(call, std::move(handler));
                                });
  }

  /// Removes this namespace's contexts and nothing else; how many there were. Not atomic: contexts
  /// created meanwhile may stay.
  template <class Token = asio::use_awaitable_t<>>
  auto clear_async(Token&& token = {}, CallOptions call = {}) {
    return start<std::uint64_t>(std::forward<Token>(token),
                                [engine = engine_, call](Handler<std::uint64_t> handler) mutable {
                                  engine->clear(call, std::move(handler));
                                });
  }

  // ---- beyond the seed, asynchronous
  // -------------------------------------------------------------

  /// Stores `context` only when nothing is stored under `key`; else throws ConflictError
  /// (already_exists). `context` must stay alive and untouched until the call ends.
  template <class Token = asio::use_awaitable_t<>>
  auto create_async(ContextKey key, Context& context, Token&& token = {}, CallOptions call = {}) {
    return start_save(std::move(key), context, SaveMode::create, std::forward<Token>(token), call);
  }

  /// Adds one turn behind the last without loading the context, whoever else saves meanwhile;
  /// `turn.index` is ignored, the index it got is returned. Throws KeyError when there is none.
  template <class Token = asio::use_awaitable_t<>>
  auto append_async(ContextKey key, Turn turn, Token&& token = {}, CallOptions call = {}) {
    return start<std::int64_t>(
        std::forward<Token>(token), [engine = engine_, key = std::move(key), turn = std::move(turn),
                                     call](Handler<std::int64_t> handler) mutable {
          engine->append(std::move(key), std::move(turn), call, std::move(handler));
        });
  }

  /// The turns with from <= index < to, in order. Throws KeyError when there is no context.
  template <class Token = asio::use_awaitable_t<>>
  auto load_turns_async(ContextKey key, std::int64_t from, std::int64_t to, Token&& token = {},
                        CallOptions call = {}) {
    return start<std::vector<Turn>>(
        std::forward<Token>(token), [engine = engine_, key = std::move(key), from, to,
                                     call](Handler<std::vector<Turn>> handler) mutable {
          engine->load_turns(std::move(key), from, to, call, std::move(handler));
        });
  }

  /// Waits until turns with an index >= `from` are stored and returns them; an empty list when the
  /// timeout passes first. Call again with `next_index` to watch a dialog as it is saved.
  template <class Token = asio::use_awaitable_t<>>
  auto watch_async(ContextKey key, std::int64_t from, Token&& token = {}, CallOptions call = {}) {
    return start<TurnUpdate>(
        std::forward<Token>(token),
        [engine = engine_, key = std::move(key), from, call](Handler<TurnUpdate> handler) mutable {
          engine->wait_turns(std::move(key), from, call, std::move(handler));
        });
  }

  /// A page of keys. Every key that is stored during the whole listing is listed; one that comes or
  /// goes meanwhile may be. A key may be listed twice: in `any` order at any time, in
  /// `newest_first` when it is used meanwhile, and then at the end, out of order.
  template <class Token = asio::use_awaitable_t<>>
  auto scan_async(std::string cursor, ScanOptions options, Token&& token = {},
                  CallOptions call = {}) {
    return start<ScanPage>(std::forward<Token>(token),
                           [engine = engine_, cursor = std::move(cursor), options,
                            call](Handler<ScanPage> handler) mutable {
                             engine->scan(std::move(cursor), options, call, std::move(handler));
                           });
  }

  /// Many at once: the calls travel together, so a batch costs about one round trip. The result has
  /// one entry per key, in order. Fails as a whole when one fails for another reason than absence.
  template <class Token = asio::use_awaitable_t<>>
  auto get_items_async(std::vector<ContextKey> keys, Token&& token = {}, CallOptions call = {}) {
    return start<std::vector<std::optional<Context>>>(
        std::forward<Token>(token),
        [engine = engine_, keys = std::move(keys),
         call](Handler<std::vector<std::optional<Context>>> handler) mutable {
          load_many(engine, std::move(keys), call, std::move(handler));
        });
  }
  /// One error (or null) per item, in order; each item is saved by itself. The contexts must stay
  /// alive and untouched until the call ends.
  template <class Token = asio::use_awaitable_t<>>
  auto set_items_async(std::vector<std::pair<ContextKey, Context*>> items, Token&& token = {},
                       CallOptions call = {}) {
    return start<std::vector<std::exception_ptr>>(
        std::forward<Token>(token), [engine = engine_, items = std::move(items), call](
                                        Handler<std::vector<std::exception_ptr>> handler) mutable {
          save_many(engine, std::move(items), call, std::move(handler));
        });
  }
  /// How many of the keys there were.
  template <class Token = asio::use_awaitable_t<>>
  auto del_items_async(std::vector<ContextKey> keys, Token&& token = {}, CallOptions call = {}) {
    return start<std::uint64_t>(
        std::forward<Token>(token),
        [engine = engine_, keys = std::move(keys), call](Handler<std::uint64_t> handler) mutable {
          erase_many(engine, std::move(keys), call, std::move(handler));
        });
  }

  /// Compares the index with what is stored and every context with its checksums; with `repair`
  /// puts the index right (contexts are never changed). Cost: reads everything.
  template <class Token = asio::use_awaitable_t<>>
  auto check_async(bool repair, Token&& token = {}, CallOptions call = {}) {
    return start<CheckReport>(
        std::forward<Token>(token),
        [engine = engine_, repair, call](Handler<CheckReport> handler) mutable {
          engine->check(repair, call, std::move(handler));
        });
  }

  /// Sizes and counters for people (`dialogstore stats`).
  template <class Token = asio::use_awaitable_t<>>
  auto statistics_async(Token&& token = {}, CallOptions call = {}) {
    return start<Statistics>(std::forward<Token>(token),
                             [engine = engine_, call](Handler<Statistics> handler) mutable {
                               engine->statistics(call, std::move(handler));
                             });
  }

  // ---- the same, blocking
  // ------------------------------------------------------------------------

  [[nodiscard]] bool contains(const ContextKey& key, CallOptions call = {});
  void set_item(const ContextKey& key, Context& context, CallOptions call = {});
  void set_item(const ContextKey& key, Context&& context, CallOptions call = {});
  [[nodiscard]] Context get_item(const ContextKey& key, CallOptions call = {});
  [[nodiscard]] Context get(const ContextKey& key, Context otherwise, CallOptions call = {});
  [[nodiscard]] std::optional<Context> find(const ContextKey& key, CallOptions call = {});
  bool del_item(const ContextKey& key, CallOptions call = {});
  [[nodiscard]] std::uint64_t len(CallOptions call = {});
  std::uint64_t clear(CallOptions call = {});
  void create(const ContextKey& key, Context& context, CallOptions call = {});
  std::int64_t append(const ContextKey& key, Turn turn, CallOptions call = {});
  [[nodiscard]] std::vector<Turn> load_turns(const ContextKey& key, std::int64_t from,
                                             std::int64_t to, CallOptions call = {});
  [[nodiscard]] TurnUpdate watch(const ContextKey& key, std::int64_t from, CallOptions call = {});
  [[nodiscard]] ScanPage scan(std::string cursor = {}, ScanOptions options = {},
                              CallOptions call = {});
  [[nodiscard]] std::vector<std::optional<Context>> get_items(std::vector<ContextKey> keys,
                                                              CallOptions call = {});
  [[nodiscard]] std::vector<std::exception_ptr> set_items(
      std::vector<std::pair<ContextKey, Context*>> items, CallOptions call = {});
  std::uint64_t del_items(std::vector<ContextKey> keys, CallOptions call = {});
  [[nodiscard]] CheckReport check(bool repair, CallOptions call = {});
  [[nodiscard]] Statistics statistics(CallOptions call = {});

  /// `storage[key]`: assign a context to store it, convert to Context to load it (KeyError).
  [[nodiscard]] ContextReference operator[](ContextKey key);

  /// Ends waiting calls with errc::closed. Idempotent; the destructor calls it.
  void close();

  /// The executor the storage's own work runs on.
  [[nodiscard]] asio::any_io_executor get_executor() const { return engine_->executor(); }

 protected:
  DBContextStorage(std::string full_path, std::shared_ptr<StorageEngine> engine);

 private:
  template <class... Results, class Token, class Start>
  static auto start(Token&& token, Start start_call) {
    return asio::async_initiate<Token, void(std::exception_ptr, Results...)>(
        [](auto handler, Start go) { go(Handler<Results...>(std::move(handler))); }, token,
        std::move(start_call));
  }
  template <class Token>
  auto start_save(ContextKey key, Context& context, SaveMode mode, Token&& token,
                  CallOptions call) {
    return start<>(std::forward<Token>(token), [engine = engine_, key = std::move(key), &context,
                                                mode, call](Handler<> handler) mutable {
      engine->save(std::move(key), context, mode, call, std::move(handler));
    });
  }

  static void save_owned(StorageEngine& engine, ContextKey key, std::shared_ptr<Context> context,
                         CallOptions call, Handler<> handler);
  static void load_or_throw(StorageEngine& engine, ContextKey key, CallOptions call,
                            Handler<Context> handler);
  static void load_or_default(StorageEngine& engine, ContextKey key,
                              std::shared_ptr<Context> otherwise, CallOptions call,
                              Handler<Context> handler);
  static void load_many(std::shared_ptr<StorageEngine> engine, std::vector<ContextKey> keys,
                        CallOptions call, Handler<std::vector<std::optional<Context>>> handler);
  static void save_many(std::shared_ptr<StorageEngine> engine,
                        std::vector<std::pair<ContextKey, Context*>> items, CallOptions call,
                        Handler<std::vector<std::exception_ptr>> handler);
  static void erase_many(std::shared_ptr<StorageEngine> engine, std::vector<ContextKey> keys,
                         CallOptions call, Handler<std::uint64_t> handler);

  std::string full_path_;
  std::shared_ptr<StorageEngine> engine_;
};

/// What `storage[key]` gives: a place that loads when read and stores when assigned to.
class ContextReference {
 public:
  ContextReference(DBContextStorage& storage, ContextKey key)
      : storage_(storage), key_(std::move(key)) {}
  void operator=(Context& context) && { storage_.set_item(key_, context); }
  void operator=(Context&& context) && { storage_.set_item(key_, std::move(context)); }
  operator Context() && { return storage_.get_item(key_); }

 private:
  DBContextStorage& storage_;
  ContextKey key_;
};

/// Opens the storage a URI names (uri.hpp); the connection is made by the first call.
/// Throws UriError; StorageError (io_error) when an embedded file cannot be opened.
std::unique_ptr<DBContextStorage> context_storage_factory(std::string_view uri);

}  // namespace dialogstore
