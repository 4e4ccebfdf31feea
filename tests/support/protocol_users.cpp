// What the clients of a ProtocolWorld do, and what they may expect of it.
#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>

#include "model/context_access.hpp"
#include "support/protocol_world.hpp"

namespace dialogstore::test {
namespace {

std::string redis_key(const std::string& name_space, const std::string& name) {
  return name_space + ":{" + name + "}";
}

std::int64_t add(Context& context, const Turn& turn) {
  const std::int64_t index = context.add_request(*turn.request);
  context.set_label(index, *turn.label);
  context.set_response(index, *turn.response);
  return index;
}

// A namespace's place in Client::lines.
std::size_t number_of(const std::string& name_space) {
  return name_space == "A" ? 0 : 1;
}

bool has_trim(const Changes& changes) {
  return std::any_of(changes.begin(), changes.end(), [](const auto& change) {
    return !change->applied && change->kind == Change::Kind::trim;
  });
}

}  // namespace

template <class... Results>
Handler<Results...> ProtocolWorld::handler(
    Client& client, std::type_identity_t<std::function<void(Results...)>> on_success) {
  client.signal = std::make_unique<asio::cancellation_signal>();
  // Results wait in on_success for end_operation: nothing is judged inside another's step.
  return asio::bind_cancellation_slot(
      client.signal->slot(),
      asio::bind_executor(loop_.get_executor(), [&client, on_success = std::move(on_success)](
                                                    std::exception_ptr error,
                                                    Results... results) mutable {
        client.ended = error;
        client.on_success = [on_success = std::move(on_success), ... results = std::move(results)] {
          if (on_success) {
            on_success(results...);
          }
        };
      }));
}

std::shared_ptr<Operation> ProtocolWorld::begin(Client& client, OperationKind kind,
                                                const std::string& name, std::size_t line) {
  client.line = client.lines[line].get();
  auto operation = std::make_shared<Operation>();
  operation->id = ++last_operation_;
  operation->kind = kind;
  operation->key = redis_key(client.line->name_space, name);
  operation->start = ++tick_;
  client.operation = operation;
  client.object = nullptr;
  client.ended.reset();
  client.on_success = nullptr;
  client.virtual_start = virtual_now_;
  static_cast<void>(oracles_[operation->key]);
  constexpr const char* kinds[] = {"save",  "set",  "create",     "append",
                                   "erase", "load", "load_turns", "scan"};
  trace("call " + std::to_string(operation->id) + " of client " + std::to_string(client.number) +
        " begins: " + kinds[static_cast<int>(kind)] + ' ' + operation->key);
  return operation;
}

void ProtocolWorld::start_operation(Client& client) {
  const std::string name = "k" + std::to_string(pick(2));
  const std::size_t line = pick(client.lines.size());
  client.line = client.lines[line].get();
  const double x = die();
  const double saves = options_.churns ? 0.25 : 0.50;
  const double appends = saves + (options_.churns ? 0.10 : 0.17);
  const double sets = appends + (options_.churns ? 0.35 : 0.14);
  const double erases = sets + (options_.churns ? 0.20 : 0.05);
  if (x < saves) {
    start_save(client, name);
  } else if (x < appends) {
    start_append(client, name);
  } else if (x < sets) {
    start_set(client, name, pick(2) == 0);
  } else if (x < erases) {
    start_erase(client, name);
  } else if (x < erases + 0.05) {
    start_load(client, name);
  } else if (x < erases + 0.08) {
    start_load_turns(client, name);
  } else {
    start_scan(client);
  }
}

void ProtocolWorld::start_load(Client& client, const std::string& name) {
  const auto operation =
      begin(client, OperationKind::load, name, number_of(client.line->name_space));
  client.line->engine->load(
      name, {},
      handler<std::optional<Context>>(
          client, [this, &client, operation](std::optional<Context> loaded) {
            if (!loaded) {
              return;
            }
            oracles_[operation->key].check_loaded(*loaded, "a load");
            client.objects[operation->key] = std::make_shared<Object>(Object{*loaded, {}});
          }));
}

void ProtocolWorld::start_load_turns(Client& client, const std::string& name) {
  const auto operation =
      begin(client, OperationKind::load_turns, name, number_of(client.line->name_space));
  const auto from = static_cast<std::int64_t>(pick(30));
  const std::int64_t to = from + 10;
  client.line->engine->load_turns(
      name, from, to, {},
      handler<std::vector<Turn>>(client, [this, operation, from, to](std::vector<Turn> turns) {
        // Some content that was there between start and end has just these.
        const auto& past = oracles_[operation->key].past();
        bool known = false;
        for (std::size_t i = past.size(); i-- > 0 && !known;) {
          if (past[i].second) {
            std::vector<Turn> expected;
            for (const auto& [index, turn] : past[i].second->turns) {
              if (index >= from && index < to) {
                expected.push_back(turn);
              }
            }
            known = expected == turns;
          }
          if (past[i].first <= operation->start) {
            break;
          }
        }
        if (!known) {
          throw Violation("load_turns gave what never was");
        }
      }));
}

void ProtocolWorld::start_scan(Client& client) {
  const auto operation =
      begin(client, OperationKind::scan, "-", number_of(client.line->name_space));
  const std::string name_space = client.line->name_space;
  client.line->engine->scan(
      {}, {.page_size = 100, .order = pick(2) == 0 ? ScanOrder::any : ScanOrder::newest_first}, {},
      handler<ScanPage>(client, [this, operation, name_space](ScanPage page) {
        for (const auto& [key, oracle] : oracles_) {
          // Listings of a namespace that expires go by the time of last use, which a moved clock
          // makes older than it is.
          const bool was_there = name_space == "A" && oracle.is_live() &&
                                 oracle.live_since() < operation->start &&
                                 key.starts_with(name_space);
          const bool is_listed =
              std::any_of(page.keys.begin(), page.keys.end(), [&](const ContextKey& listed) {
                return redis_key(name_space, listed.text()) == key;
              });
          if (was_there && !is_listed) {
            throw Violation("a scan missed a context");
          }
        }
      }));
}

std::shared_ptr<Change> ProtocolWorld::new_turn() {
  auto change = std::make_shared<Change>();
  const std::string text = "u" + std::to_string(++last_turn_);
  change->kind = Change::Kind::turn;
  change->turn = {.label = Label{.flow = "f", .node = text},
                  .request = Message(text),
                  .response = Message("re: " + text)};
  return change;
}

void ProtocolWorld::change(Client& /*client*/, Object& object, const std::string& key) {
  Context& context = object.context;
  if (die() < 0.75) {
    constexpr int usual[] = {1, 1, 1, 1, 2, 3, 20};
    int count = usual[pick(std::size(usual))];
    if (die() < 0.1) {
      count = pick(2) == 0 ? 0 : 40;
    }
    for (int i = 0; i < count; ++i) {
      object.changes.push_back(new_turn());
      add(context, object.changes.back()->turn);
    }
  }
  if (die() < 0.3) {
    auto change = std::make_shared<Change>();
    change->kind = Change::Kind::misc;
    change->name = "m" + std::to_string(pick(4));
    bool is_change = true;
    if (pick(4) == 0) {
      is_change = context.erase_misc(change->name);
    } else {
      change->value = std::to_string(pick(1000));
      context.set_misc(change->name, Json::parse(*change->value));
    }
    if (is_change) {
      object.changes.push_back(change);
    }
  }
  const auto held = context.turn_indices();
  if (die() < 0.15 && !held.empty()) {
    const std::int64_t index = held[pick(held.size())];
    const auto& stored = oracles_[key].content().turns;
    const auto found = stored.find(index);
    // Only turns that are stored: the index of a new one may yet change.
    if (found != stored.end() && found->second.label == context.label(index)) {
      auto change = std::make_shared<Change>();
      change->kind = Change::Kind::edit;
      change->index = index;
      change->value = "edited " + std::to_string(pick(1'000'000));
      context.set_request(index, Message(*change->value));
      object.changes.push_back(change);
    }
  }
  if (die() < 0.04 && held.size() > 4) {
    const auto all = context.turn_indices();
    const std::size_t kept = 2 + pick(std::min<std::size_t>(all.size() - 3, 10));
    auto change = std::make_shared<Change>();
    change->kind = Change::Kind::trim;
    change->index = all[all.size() - kept];
    context.clear(kept);
    object.changes.push_back(change);
  }
}

void ProtocolWorld::start_save(Client& client, const std::string& name) {
  const std::string key = redis_key(client.line->name_space, name);
  const auto found = client.objects.find(key);
  if (found == client.objects.end()) {
    start_load(client, name);
    return;
  }
  const auto operation =
      begin(client, OperationKind::save, name, number_of(client.line->name_space));
  client.object = found->second;
  change(client, *client.object, key);
  const bool merges = pick(3) != 0 && !has_trim(client.object->changes);
  save_object(client, name, SaveMode::set, merges ? ConflictPolicy::merge : ConflictPolicy::fail);
}

void ProtocolWorld::start_set(Client& client, const std::string& name, bool create) {
  const auto operation = begin(client, create ? OperationKind::create : OperationKind::set, name,
                               number_of(client.line->name_space));
  constexpr int turns[] = {0, 1, 2, 3, 30};
  client.object = std::make_shared<Object>();
  client.object->context.set_misc("m0", Json(static_cast<int>(pick(9))));
  for (int i = turns[pick(std::size(turns))]; i > 0; --i) {
    add(client.object->context, new_turn()->turn);
  }
  save_object(client, name, create ? SaveMode::create : SaveMode::set, ConflictPolicy::fail);
}

void ProtocolWorld::save_object(Client& client, const std::string& name, SaveMode mode,
                                ConflictPolicy policy) {
  Operation& operation = *client.operation;
  Object& object = *client.object;
  const auto& state = ContextAccess::state(object.context);
  for (const auto& change : object.changes) {
    if (!change->applied) {
      operation.intent.push_back(change);
    }
  }
  operation.had_pending = object.context.has_pending_save();
  if (!state.position) {
    operation.whole = content_of(object.context);
  }
  client.line->engine->save(name, object.context, mode,
                            {.timeout = {}, .on_conflict = policy, .history = {}},
                            handler<>(client, {}));
}

void ProtocolWorld::start_append(Client& client, const std::string& name) {
  const auto operation =
      begin(client, OperationKind::append, name, number_of(client.line->name_space));
  const auto change = new_turn();
  operation->intent.push_back(change);
  client.line->engine->append(
      name, change->turn, {}, handler<std::int64_t>(client, [change](std::int64_t index) {
        if (!change->applied || change->applied_at != index) {
          throw Violation("append answered " + std::to_string(index) + ", the turn is at " +
                          std::to_string(change->applied_at));
        }
      }));
}

void ProtocolWorld::start_erase(Client& client, const std::string& name) {
  begin(client, OperationKind::erase, name, number_of(client.line->name_space));
  client.line->engine->erase(name, {}, handler<bool>(client, {}));
}

void ProtocolWorld::check_end(const Client& client, errc code, const std::string& text) const {
  const Operation& operation = *client.operation;
  if (operation.claims_nothing && operation.applied > 0) {
    throw Violation("it was applied, and its caller heard " + std::string(to_string(code)) + ": " +
                    text);
  }
  if (code != errc{}) {
    return;
  }
  const bool all_applied = std::all_of(operation.intent.begin(), operation.intent.end(),
                                       [](const auto& change) { return change->applied; });
  if (!all_applied || (operation.whole && !operation.had_pending && operation.applied == 0)) {
    throw Violation("acknowledged, but never applied");
  }
}

void ProtocolWorld::end_operation(Client& client) {
  const auto operation = client.operation;
  const std::exception_ptr error = *client.ended;
  const errc code = static_cast<errc>(code_of(error).value());
  const std::string text = message_of(error);
  operation->end = ++tick_;
  ++counts_["ended " + (code == errc{} ? std::string("well") : std::string(to_string(code)))];
  trace("call " + std::to_string(operation->id) +
        " ends: " + (code == errc{} ? std::string("well") : text));
  if (operation->is_write() && code != errc{} && code != errc::outcome_unknown) {
    // Conflicts say so in their text, since an earlier copy may leave them in doubt.
    operation->claims_nothing = (code != errc::gone && code != errc::history_changed) ||
                                text.find("nothing was written") != std::string::npos;
  }
  check_end(client, code, text);
  const std::string key = operation->key;
  KeyOracle& oracle = oracles_[key];
  if (code == errc{} && operation->applied > 0 && oracle.is_live()) {
    oracle.acknowledge(*operation);
  }
  const auto object = client.object;
  const auto on_success = std::move(client.on_success);
  client.operation = nullptr;
  client.ended.reset();
  client.object = nullptr;
  if (object) {
    const bool is_kept = code == errc{} || code == errc::outcome_unknown ||
                         code == errc::canceled || code == errc::server_out_of_memory ||
                         code == errc::timed_out || code == errc::unavailable;
    if (code == errc{}) {
      object->changes.clear();
      oracle.check_loaded(object->context, "a saved object");
      if (object->context.has_changes() || object->context.has_pending_save()) {
        throw Violation("a saved object still has changes");
      }
    }
    if (is_kept) {
      client.objects[key] = object;
    } else {
      client.objects.erase(key);
    }
  }
  if (code == errc{} && on_success) {
    on_success();
  } else if (code != errc{} && code != errc::outcome_unknown && code != errc::conflict &&
             code != errc::history_changed && code != errc::gone && code != errc::already_exists &&
             code != errc::server_out_of_memory && code != errc::key_not_found &&
             code != errc::canceled && code != errc::timed_out && code != errc::unavailable) {
    throw Violation("an error that has no place here: " + text);
  }
}

}  // namespace dialogstore::test
