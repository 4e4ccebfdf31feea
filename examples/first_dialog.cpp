// The shortest dialog: load, add a turn, save.
#include <dialogstore/dialogstore.hpp>
#include <iostream>

int main(int count, char** arguments) {
  using namespace dialogstore;
  const auto storage = context_storage_factory(count > 1 ? arguments[1] : "memory://");
  Context context = storage->get("user-1", Context{});
  context.add_request("Hi");
  context.add_label({"greeting", "hello"});
  context.add_response("Hello!");
  storage->set_item("user-1", context);
  std::cout << storage->get_item("user-1").last_response()->text.value() << '\n';
}
