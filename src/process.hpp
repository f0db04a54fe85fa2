#pragma once

#include "deadline.hpp"

#include <cstddef>

namespace checkpg {

/// Settles what libpq and glibc would otherwise look for outside: HOME gets a value if it has
/// none and PGSERVICE goes (a service would name another server). A static glibc is kept to the
/// name services built into it ("files" and "dns", since glibc 2.34): loading those of the
/// machine's own glibc would crash. Call before any thread starts.
void prepare_environment() noexcept;

/// Bounds this process's memory, so that no server can make it grow: what doesn't fit fails as
/// "out of memory". Not under the address sanitizer, whose own memory would not fit.
void bound_memory() noexcept;

/// Whether this many more descriptors can be open at once.
bool has_descriptors(std::size_t number);

/// Ends the process with timed_out shortly after the deadline, whatever it is doing then: libpq
/// can block or compute without end inside its non-blocking calls (a root certificate that is a
/// FIFO, absurd SCRAM iteration counts). Counts on the monotonic clock; a later call replaces an
/// earlier one. False if the timer can't be set.
[[nodiscard]] bool start_watchdog(Deadline deadline) noexcept;

} // namespace checkpg
