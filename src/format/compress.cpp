#include "format/compress.hpp"

#include <zstd.h>

#include <algorithm>
#include <memory>
#include <new>

namespace dialogstore::format {
namespace {

struct FreeCompressor {
  void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
};
struct FreeDecompressor {
  void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
};

// Making one costs more than a small page does, so each thread keeps its own.
ZSTD_CCtx* compressor() {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeCompressor> context(ZSTD_createCCtx());
  if (!context) throw std::bad_alloc();
  return context.get();
}

ZSTD_DCtx* decompressor() {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeDecompressor> context(ZSTD_createDCtx());
  if (!context) throw std::bad_alloc();
  return context.get();
}

CompressFault decompress_zstd(std::string_view payload, std::size_t size, std::string& out) {
  out.resize(size);
  const std::size_t got =
      ZSTD_decompressDCtx(decompressor(), out.data(), out.size(), payload.data(), payload.size());
  if (ZSTD_isError(got) != 0U || got != out.size()) return CompressFault::damaged;
  return CompressFault::none;
}

}  // namespace

std::string compress(std::string_view plain, int level, std::uint8_t& codec) {
  std::string packed(ZSTD_compressBound(plain.size()), '\0');
  const int allowed = std::clamp(level, ZSTD_minCLevel(), ZSTD_maxCLevel());
  const std::size_t size = ZSTD_compressCCtx(compressor(), packed.data(), packed.size(),
                                             plain.data(), plain.size(), allowed);
  if (ZSTD_isError(size) != 0U || size >= plain.size()) {
    codec = codec_stored;
    return std::string(plain);
  }
  codec = codec_zstd;
  packed.resize(size);
  return packed;
}

CompressFault stated_size(std::uint8_t codec, std::string_view payload, std::size_t largest,
                          std::size_t& size) noexcept {
  if (codec != codec_stored && codec != codec_zstd) return CompressFault::unknown_codec;
  unsigned long long stated = payload.size();
  if (codec == codec_zstd) {
    stated = ZSTD_getFrameContentSize(payload.data(), payload.size());
    // Writers always state the size; a frame without it is not ours.
    if (stated == ZSTD_CONTENTSIZE_ERROR || stated == ZSTD_CONTENTSIZE_UNKNOWN) {
      return CompressFault::damaged;
    }
  }
  if (stated > largest) return CompressFault::too_large;
  size = static_cast<std::size_t>(stated);
  return CompressFault::none;
}

CompressFault decompress(std::uint8_t codec, std::string_view payload, std::size_t largest,
                         std::string& out) noexcept {
  std::size_t size = 0;
  const CompressFault fault = stated_size(codec, payload, largest, size);
  if (fault != CompressFault::none) return fault;
  try {
    if (codec == codec_zstd) return decompress_zstd(payload, size, out);
    out.assign(payload);
    return CompressFault::none;
  } catch (const std::bad_alloc&) {
    return CompressFault::too_large;
  }
}

}  // namespace dialogstore::format
