// A bot that serves several users at once: one coroutine each, one thread, one connection.
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <dialogstore/dialogstore.hpp>
#include <exception>
#include <iostream>
#include <string>

namespace asio = boost::asio;
using namespace dialogstore;

namespace {

// By value: the coroutine outlives whoever started it.
asio::awaitable<void> talk(DBContextStorage& storage, std::string user) {
  for (const char* request : {"Hi", "A pizza, please", "Thank you"}) {
    Context context = co_await storage.get_async(user, Context{});
    const auto turn = context.add_request(request);
    context.add_label({"order", "turn_" + std::to_string(turn)});
    context.add_response(user + ", I heard: " + request);
    context.set_misc("turns", turn + 1);
    co_await storage.set_item_async(user, context);
  }
  const Context stored = co_await storage.get_item_async(user);
  std::cout << user << ": " << stored.turn_count() << " turns, the last answer was \""
            << stored.last_response()->text.value() << "\"\n";
}

}  // namespace

int main(int count, char** arguments) {
  const auto storage = context_storage_factory(count > 1 ? arguments[1] : "memory://");
  asio::io_context loop;
  for (const char* user : {"ann", "bob", "eve"}) {
    asio::co_spawn(loop, talk(*storage, user), [](std::exception_ptr failure) {
      if (failure) std::rethrow_exception(failure);
    });
  }
  loop.run();
}
