#pragma once

#include "base/deadline.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace checkpg {

/// Keeps what PostgreSQL's servers say, and libpq and OpenSSL do, from this process, as for a
/// check: memory is bounded, no core is left, nothing in a home directory or the environment
/// counts. `last_words` are what is written if a call doesn't come back and the process must end,
/// then with status unknown (3); they must last as long as the process.
void guard_asking(std::string_view last_words);

/// Memory and descriptors for so many connections at once, and what their files take. Throws an
/// internal error if there are too few descriptors.
void make_room_for(std::size_t connections, std::uint64_t file_bytes);

/// While it lives, the process ends shortly after the deadline, whatever it is doing then.
class Watchdog {
public:
    /// Throws an internal error if there can be none.
    explicit Watchdog(Deadline deadline);
    ~Watchdog();
    Watchdog(const Watchdog&) = delete;
    Watchdog& operator=(const Watchdog&) = delete;
};

} // namespace checkpg
