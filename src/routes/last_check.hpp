#pragma once

#include "base/show_stat.hpp"

#include <string>

namespace checkpg {

/// What a backend is for.
enum class BackendRole { read_write, read_only };

/// What HAProxy's last check of a server came to.
struct LastCheck {
    enum class Kind {
        none,       ///< the server has no check of its own
        not_yet,    ///< the first check has not ended
        passed,     ///< the server has the role
        other_role, ///< one of our checks says: the other role
        failed      ///< anything else
    };

    Kind kind = Kind::none;
    std::string words; ///< "primary", "access denied", "can't connect (L4CON)", "-" without check
    bool running = false; ///< another check is under way
};

/// Whether the server has a check whose first run has not ended: its status is only assumed.
bool is_unchecked(const StatRow& row);

/// The last check of `row`, in words. Codes of checkpgprimary and checkpgstandby read as their
/// manual has them, 0 and 1 as the role that was found: it depends on the backend's `role`.
LastCheck last_check(const StatRow& row, BackendRole role);

} // namespace checkpg
