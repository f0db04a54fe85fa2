#pragma once

#include <string>

namespace checkpg {

/// One value for a libpq keyword or one of checkpg's own keys, and where it was said. An empty
/// value for a libpq keyword takes back what a weaker source said.
struct Setting {
    std::string key;
    std::string value;
    std::string origin; ///< for messages: "option --port", "/etc/checkpg/checkpg.conf:3"
};

} // namespace checkpg
