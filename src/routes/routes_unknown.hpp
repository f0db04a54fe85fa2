#pragma once

#include <stdexcept>

namespace checkpg {

/// Why it can't be known what HAProxy routes where: no socket, no permission, no answer in time,
/// no table. what() is one line that names the thing, lower case, no final stop.
class RoutesUnknown : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

} // namespace checkpg
