#pragma once

#include <string>
#include <vector>

namespace checkpg {

/// "db1, db2", or the first few and how many more there are: for one line of a monitoring system.
std::string listed(const std::vector<std::string>& names);

} // namespace checkpg
