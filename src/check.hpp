#pragma once

#include "settings.hpp"
#include "verdict.hpp"

namespace checkpg {

/// A finished check.
struct Check {
    Answer server;
    Verdict verdict;
};

/// Asks the server of the settings until the deadline and judges its answer.
Check check_server(Role wanted, const Settings& settings, Deadline deadline);

} // namespace checkpg
