#pragma once

#include "base/exit_code.hpp"

#include <string>
#include <string_view>

namespace checkpg {

/// The exit code for an error with this SQLSTATE (manual, appendix A), met while connecting or
/// asking: unexpected_answer for every one that says nothing of readiness or access.
ExitCode code_of_sqlstate(std::string_view sqlstate) noexcept;

/// An error message of libpq, taken apart.
struct ErrorText {
    std::string sqlstate; ///< empty if there was none: the error is not the server's
    std::string text;     ///< one line: "FATAL: the database system is starting up"
};

/// Takes apart what PQerrorMessage(3) or PQresultErrorMessage(3) say under PQERRORS_VERBOSE. The
/// SQLSTATE stands between "SEVERITY:  " and ": text", a place that no translation moves; a
/// failed connection has no result that could be asked for it. Of several attempts in one
/// message the last counts.
ErrorText take_apart(std::string_view message);

} // namespace checkpg
