// Two writers have loaded the same dialog. By default the later save is refused; with the merge
// policy its turns are put behind the earlier one's, and nobody's turn is lost.
#include <dialogstore/dialogstore.hpp>
#include <iostream>
#include <utility>

using namespace dialogstore;

int main(int count, char** arguments) {
  const auto storage = context_storage_factory(count > 1 ? arguments[1] : "memory://");
  Context start;
  start.add_request("Hi");
  start.add_response("Hello! How can I help?");
  storage->set_item("shared", std::move(start));

  Context phone = storage->get_item("shared");
  Context browser = storage->get_item("shared");
  phone.add_request("Where is my order?");
  phone.add_response("On its way.");
  browser.add_request("Cancel my order!");
  browser.add_response("That is too late.");

  storage->set_item("shared", phone);
  try {
    storage->set_item("shared", browser);
    return 1;  // not reached: `phone` was saved in between
  } catch (const ConflictError& error) {
    std::cout << "refused: " << error.what() << '\n';
  }
  storage->set_item("shared", browser, {.on_conflict = ConflictPolicy::merge});

  for (const auto& [index, request] : storage->get_item("shared").requests()) {
    std::cout << index << ": " << request.text.value() << '\n';
  }
}
