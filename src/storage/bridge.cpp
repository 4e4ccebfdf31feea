#include "storage/bridge.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include "dialogstore/key.hpp"

namespace dialogstore {

void CallBridge::begin(const std::shared_ptr<Call>& call) {
  call->place = calls_.insert(calls_.end(), call);
  call->work.emplace(queue_);
}

void CallBridge::end(const std::shared_ptr<Call>& call) {
  call->flow = nullptr;
  call->work.reset();
  calls_.erase(call->place);
}

void CallBridge::cancel(Call& call) {
  if (call.flow != nullptr) {
    call.flow->cancel();
  } else {
    call.cancel_early = true;
  }
}

std::exception_ptr CallBridge::translate(std::exception_ptr error, const char* operation,
                                         const std::string& key) const {
  const auto shown = key.empty() ? key : ContextKey(key).printable();
  try {
    std::rethrow_exception(error);
  } catch (const Failure& failure) {
    const bool by_close = closing_ && failure.code == errc::canceled;
    return make_error(by_close ? errc::closed : failure.code, operation, shown,
                      by_close ? "the storage was closed" : failure.detail);
  } catch (const StorageError& known) {
    return make_error(known.reason(), operation, known.key().empty() ? shown : known.key(),
                      known.detail());
  } catch (const boost::system::system_error& system) {
    if (system.code() != asio::error::operation_aborted) return error;
    return make_error(closing_ ? errc::closed : errc::canceled, operation, shown,
                      closing_ ? "the storage was closed" : "the caller cancelled");
  } catch (...) {
    return error;  // out of memory and the like: not ours to rename
  }
}

}  // namespace dialogstore
