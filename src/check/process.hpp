#pragma once

#include "base/deadline.hpp"

#include <cstddef>

namespace checkpg {

/// Keeps glibc, libpq and OpenSSL from looking outside: HOME gets a value if it has none. A
/// static glibc is kept to the name services built into it ("files" and "dns", since glibc 2.34),
/// a static OpenSSL from openssl.cnf: modules that they would load belong to the machine's own
/// glibc and crash this one. Call before any thread starts.
void keep_to_ourselves() noexcept;

/// Takes all of libpq's variables (PG...) out of the environment. Call when the settings are
/// made: those of them that count are settings by then, and libpq would use the others where a
/// setting is empty.
void hide_environment_from_libpq();

/// Whether this many more descriptors can be open at once.
bool has_descriptors(std::size_t number);

/// Ends the process with timed_out shortly after the deadline, whatever it is doing then: libpq
/// can block or compute without end inside its non-blocking calls (a root certificate that is a
/// FIFO, absurd SCRAM iteration counts). Counts on the monotonic clock; a later call replaces an
/// earlier one. False if the timer can't be set.
[[nodiscard]] bool start_watchdog(Deadline deadline) noexcept;

} // namespace checkpg
