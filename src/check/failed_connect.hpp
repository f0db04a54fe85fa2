#pragma once

#include "base/exit_code.hpp"
#include "check/look_ahead.hpp"
#include "check/objection.hpp"
#include "check/settings.hpp"
#include "check/sqlstate.hpp"

#include <string_view>
#include <vector>

struct pg_conn;

namespace checkpg {

/// The exit code for a connection that failed as soon as it was started, with this message of
/// PQerrorMessage(3).
ExitCode code_of_failed_start(const std::vector<Setting>& settings, std::string_view message);

/// What a connection had come to that failed with this message. `status`, a ConnStatusType, is what
/// libpq was about to do, `seen` what the server had shown until then. Call it once, right after
/// the failure: it takes the connection's TLS end.
Breakdown breakdown_of(pg_conn* connection, int status, const LookAhead& seen,
                       const ErrorText& message);

/// The exit code for a connection that failed without an SQLSTATE while it was being made.
ExitCode code_of_failed_connect(pg_conn* connection, const Breakdown& breakdown,
                                const LookAhead& seen);

} // namespace checkpg
