#pragma once

namespace checkpg {

/// Makes sure file descriptors 0, 1 and 2 are open, on /dev/null or, where there is none (a
/// chroot), on something that can be neither read nor written. HAProxy in daemon mode starts
/// checks with all three closed: the next socket would become one of them, and a message to
/// stderr would be sent to PostgreSQL. Call it before anything else. False if it can't be done.
[[nodiscard]] bool secure_standard_descriptors() noexcept;

} // namespace checkpg
