#pragma once

#include "connection.hpp"

#include <variant>

namespace checkpg {

/// Where and how to connect, all looked up: settings with a numeric hostaddr or a socket
/// directory, or why there are none.
using Resolved = std::variant<std::vector<Setting>, Failure>;

/// Looks host names up, all at the same time and until the deadline, in /etc/hosts and the DNS.
/// Settings without a name to look up come back as they are. A name with several addresses gives
/// lists of libpq's: it tries one after the other. Failure: unreachable if a name has no address,
/// timed_out if no answer came in time.
std::vector<Resolved> resolve(std::vector<std::vector<Setting>> servers, Deadline deadline);

} // namespace checkpg
