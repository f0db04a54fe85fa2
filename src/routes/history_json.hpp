#pragma once

#include "routes/history.hpp"

#include <string>

namespace checkpg {

/// The history as one JSON object, with the keys that checkpgroutes(1) documents: keys are only
/// ever added. No line feed at its end.
std::string to_json(const History& history);

/// The same shape when nothing could be learnt, for the reason given.
std::string unknown_history_json(const std::string& reason);

} // namespace checkpg
