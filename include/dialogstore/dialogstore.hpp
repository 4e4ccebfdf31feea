// Everything an application needs.
#pragma once

#include "dialogstore/context.hpp"
#include "dialogstore/context_storage.hpp"
#include "dialogstore/encryption.hpp"
#include "dialogstore/error.hpp"
#include "dialogstore/json.hpp"
#include "dialogstore/key.hpp"
#include "dialogstore/limits.hpp"
#include "dialogstore/memory_context_storage.hpp"
#include "dialogstore/message.hpp"
#include "dialogstore/options.hpp"
#include "dialogstore/redis_context_storage.hpp"
#include "dialogstore/sqlite_context_storage.hpp"
#include "dialogstore/uri.hpp"
#include "dialogstore/version.hpp"
