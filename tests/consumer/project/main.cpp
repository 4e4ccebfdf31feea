// Uses enough of the library that every part of it is linked.
#include <dialogstore/dialogstore.hpp>
#include <iostream>

int main() {
  const auto storage = dialogstore::context_storage_factory("memory://");
  dialogstore::Context context;
  context.add_request("Hi");
  context.add_response("Hello!");
  storage->set_item("user-1", context);

  const dialogstore::Context loaded = storage->get_item("user-1");
  if (!(loaded == context) || storage->len() != 1) {
    std::cerr << "the loaded context differs from the stored one\n";
    return 1;
  }
  try {
    static_cast<void>(storage->get_item("user-2"));
    std::cerr << "an absent context was found\n";
    return 1;
  } catch (const dialogstore::KeyError&) {
    std::cout << "dialogstore " << dialogstore::version << " works\n";
    return 0;
  }
}
