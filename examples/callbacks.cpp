// The same calls without coroutines: with a future and with a callback.
#include <boost/asio/use_future.hpp>
#include <dialogstore/dialogstore.hpp>
#include <exception>
#include <future>
#include <iostream>
#include <optional>
#include <string>
#include <system_error>

namespace asio = boost::asio;
using namespace dialogstore;

int main(int count, char** arguments) {
  const auto storage = context_storage_factory(count > 1 ? arguments[1] : "memory://");

  // A future: `get` waits, and throws what went wrong.
  Context context;
  context.add_request("Hi");
  std::future<void> saved = storage->set_item_async("user-1", context, asio::use_future);
  saved.get();

  // A callback runs on the storage's own thread: it must not wait there.
  std::promise<std::string> heard;
  storage->find_async("user-1", [&heard](std::exception_ptr failure, std::optional<Context> found) {
    if (failure) {
      heard.set_exception(failure);
    } else {
      heard.set_value(found ? found->last_request()->text.value_or("") : "nobody");
    }
  });
  std::cout << "stored: " << heard.get_future().get() << '\n';

  // Whoever does not want exceptions asks for the code.
  std::promise<std::error_code> outcome;
  storage->get_item_async("nobody", [&outcome](std::exception_ptr failure, Context) {
    outcome.set_value(code_of(failure));
  });
  std::cout << "nobody: " << outcome.get_future().get().message() << '\n';
}
