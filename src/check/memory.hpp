#pragma once

#include <cstddef>

namespace checkpg {

/// Bounds this process's memory, unless it is bounded more tightly already, so that no server can
/// make it grow: what doesn't fit fails as "out of memory". Not under the address sanitizer, whose
/// own memory would not fit.
void bound_memory() noexcept;

/// Makes room for so much more, for what is configured and comes from no server.
void raise_memory_bound(std::size_t bytes) noexcept;

/// Notices from now on what OpenSSL can't get. Call it before OpenSSL is used.
void watch_openssl_memory() noexcept;

/// Whether memory is out now or was for OpenSSL, which then fails with whatever it was doing, in
/// words of that.
bool is_short_of_memory() noexcept;

} // namespace checkpg
