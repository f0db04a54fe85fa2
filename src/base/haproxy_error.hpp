#pragma once

#include <stdexcept>

namespace checkpg {

/// Why HAProxy could not be asked, or what is wrong with its answer: no socket, no permission, no
/// answer in time, no table, no such backend. what() is one line that names the thing, lower case,
/// no final stop.
class HaproxyError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

} // namespace checkpg
