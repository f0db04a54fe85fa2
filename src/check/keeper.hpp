#pragma once

#include "check/check.hpp"
#include "check/settings.hpp"

#include <sys/types.h>

namespace checkpg {

/// Leaves a keeper behind for each connection that this check made and that still stands, if the
/// settings want that and nobody listens on its socket yet: a child process that holds the
/// connection and puts the questions of later checks to it, for as long as there are any. What
/// can't be left (no memory, no process, the socket is taken) is not, and the connection is closed.
/// Call it last: it takes the connections out of the check.
///
/// A keeper keeps nothing of its caller's but the user, the network namespace, the process group
/// and the bounds on memory. It ends
///  - when nobody has asked for `keep`, at the latest for a minute,
///  - when the server says something unasked or closes, when it answers a question with an error,
///    in an odd way, or not in the time that the check had for it,
///  - when a new log-in, after each `keep`, is not let in: but for want of connections (53300),
///  - where HAProxy is process 1: when `caller`, the process that started this one, has ended.
void leave_keepers(Check& check, const Settings& settings, pid_t caller) noexcept;

} // namespace checkpg
