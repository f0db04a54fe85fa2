#pragma once

#include "routes/routing.hpp"
#include "survey/standing.hpp"

#include <vector>

namespace checkpg {

/// Adds to `routes` what doesn't fit together between HAProxy and the servers, and among these.
/// Pure.
void add_findings(Routes& routes, const std::vector<SurveyedServer>& servers);

/// Adds problems, so that the worst come first, and its state is theirs.
void add_problems(Routes& routes, std::vector<Problem> problems);

} // namespace checkpg
