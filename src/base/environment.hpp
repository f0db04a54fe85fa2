#pragma once

#include <functional>

namespace checkpg {

/// Looks an environment variable up; null if it isn't set. getenv(3) in the programs.
using EnvironmentLookup = std::function<const char*(const char* name)>;

} // namespace checkpg
