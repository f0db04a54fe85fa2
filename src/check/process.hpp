#pragma once

#include "base/deadline.hpp"
#include "base/exit_code.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <sys/types.h>

namespace checkpg {

/// Keeps glibc, libpq and OpenSSL from looking outside: HOME, where libpq would look for
/// certificates and passwords that nobody configured, is a directory that doesn't exist, and the
/// system's root certificates are not where a variable says. A static glibc is kept to the name
/// services built into it ("files" and "dns", since glibc 2.34), a static OpenSSL from openssl.cnf:
/// modules that they would load belong to the machine's own glibc and crash this one. Call before
/// any thread starts.
void keep_to_ourselves() noexcept;

/// Takes all of libpq's variables (PG...) out of the environment. Call when the settings are
/// made: those of them that count are settings by then, and libpq would use the others where a
/// setting is empty.
void hide_environment_from_libpq();

/// Leaves no core of this process, which holds a password, however it ends.
void leave_no_core() noexcept;

/// Whether this many more descriptors can be open at once.
bool has_descriptors(std::size_t number);

/// Ends the process with timed_out shortly after the deadline, whatever it is doing then: libpq
/// can block or compute without end inside its non-blocking calls (a root certificate that is a
/// FIFO, absurd SCRAM iteration counts). Counts on the monotonic clock; a later call replaces an
/// earlier one. False if the timer can't be set.
[[nodiscard]] bool start_watchdog(Deadline deadline) noexcept;

/// The timer doesn't run until it is started again.
void stop_watchdog() noexcept;

/// Closes every descriptor of this process but these, of which any may be -1 and none one of 0-2.
void close_all_but(std::array<int, 3> kept) noexcept;

/// A descriptor that is readable once that process has ended, or -1: Linux before 5.3 has none.
int open_process(pid_t process) noexcept;

/// All signals are as for a new program, none is blocked. False if that can't be done.
[[nodiscard]] bool reset_signals() noexcept;

/// The code with which the watchdog ends the process from now on: what is left to do changes no
/// verdict.
void set_last_code(ExitCode code) noexcept;

/// What the watchdog calls before its last words: a function for a handler of signals, which
/// doesn't wait for anything.
void set_last_act(void (*act)()) noexcept;

/// What the watchdog writes to standard output as it ends the process: nothing unless this was
/// called. `text` must last as long as the process, and is short enough for a pipe to take it
/// whole.
void set_last_words(std::string_view text) noexcept;

} // namespace checkpg
