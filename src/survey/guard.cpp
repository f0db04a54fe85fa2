#include "survey/guard.hpp"

#include "base/error.hpp"
#include "check/memory.hpp"
#include "check/process.hpp"

namespace checkpg {

namespace {

constexpr std::size_t mebi = std::size_t{1024} * 1024;

/// What HAProxy's tables take, of which it may say a few MiB, and the output made of them.
constexpr std::size_t for_haproxy = 64 * mebi;

/// What the others said is not to be lost for a log-in that is being computed.
constexpr milliseconds patience{250};

} // namespace

void guard_asking(std::string_view last_words) {
    bound_memory();
    make_room_for(0, 0);
    leave_no_core();
    keep_to_ourselves();
    hide_environment_from_libpq();
    set_last_words(last_words);
}

void make_room_for(std::size_t connections, std::uint64_t file_bytes) {
    constexpr std::size_t each = mebi;         // TLS with what a server may say
    constexpr std::size_t times_its_size = 12; // as a check's: OpenSSL reads files for each anew
    constexpr std::size_t descriptors_each = 3;
    raise_memory_bound(for_haproxy + connections * each + file_bytes * times_its_size);
    if (!has_descriptors(connections * descriptors_each))
        throw Error{ExitCode::internal, "too few file descriptors are left to ask all servers"};
}

Watchdog::Watchdog(Deadline deadline) {
    if (!start_watchdog(Deadline{deadline.when() + patience}))
        throw Error{ExitCode::internal, "the watchdog timer can't be set"};
}

Watchdog::~Watchdog() { stop_watchdog(); }

} // namespace checkpg
