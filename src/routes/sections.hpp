#pragma once

#include "routes/options.hpp"

#include <optional>
#include <string>
#include <vector>

namespace checkpg {

/// The names of the clusters that have a section [checkpgroutes NAME] with a key in it, in the
/// file's order. Throws a configuration error that names the line of a section that looks like one
/// of checkpgroutes's and is none.
std::vector<std::string> cluster_names(const ConfigFile& config);

/// What the section [checkpgroutes NAME] says, over the defaults; [checkpgroutes] if `cluster` is
/// empty. A named cluster takes the socket, timeout and percentage from [checkpgroutes] where it
/// says nothing, but no backend or frontend, from there or from the defaults. Throws a
/// configuration error that names file and line, also if there is no such section or it names no
/// read-write backend.
RoutesSettings section_settings(const std::optional<ConfigFile>& config,
                                const std::string& cluster);

} // namespace checkpg
