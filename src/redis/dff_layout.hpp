// `layout=dff`: the operations of the seed over DFF's own values, for a Redis shared with Python
// bots. Namespaces do not exist there: the key's text is the Redis key.
#pragma once

#include <memory>
#include <string>

#include "dialogstore/options.hpp"
#include "dialogstore/storage_engine.hpp"
#include "redis/redis_client.hpp"
#include "storage/io_thread.hpp"

namespace dialogstore::redis {

std::shared_ptr<StorageEngine> make_dff_engine(std::unique_ptr<IoThread> thread,
                                               std::shared_ptr<RedisClient> client,
                                               const StorageOptions& options, std::string identity);

}  // namespace dialogstore::redis
