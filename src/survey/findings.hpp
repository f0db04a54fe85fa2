#pragma once

#include "routes/routing.hpp"
#include "survey/standing.hpp"

#include <vector>

namespace checkpg {

/// Adds to `routes` what doesn't fit together between HAProxy and the servers, and among these, and
/// how far standbys are behind, which is a problem by the ranges of the rules only. Pure.
void add_findings(Routes& routes, const std::vector<SurveyedServer>& servers,
                  const RouteRules& rules);

/// Adds problems, so that the worst come first, and its state is theirs.
void add_problems(Routes& routes, std::vector<Problem> problems);

} // namespace checkpg
