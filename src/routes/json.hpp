#pragma once

#include "routes/routing.hpp"

#include <string>

namespace checkpg {

/// The routes as one JSON object, with the keys that checkpgroutes(1) documents: keys are only
/// ever added. Over several lines, or on one if `compact`; no line feed at its end.
std::string to_json(const Routes& routes, bool compact);

} // namespace checkpg
