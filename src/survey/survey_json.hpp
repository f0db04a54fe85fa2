#pragma once

#include "routes/routing.hpp"
#include "survey/server_story.hpp"
#include "survey/standing.hpp"

#include <string>
#include <vector>

namespace checkpg {

/// The object of the routes, and in it what the servers said: the keys that checkpgroutes(1)
/// documents.
std::string to_json(const Routes& routes, const std::vector<SurveyedServer>& servers, bool compact);

/// The same with the checks of one server.
std::string to_json(const Routes& routes, const std::vector<BackendCheck>& checks, bool compact);

} // namespace checkpg
