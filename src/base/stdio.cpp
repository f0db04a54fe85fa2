#include "base/stdio.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace checkpg {

namespace {

/// open(2) returns the lowest free descriptor, which is the closed one: 0 is looked at first.
bool open_placeholder(int descriptor) noexcept {
    int opened = ::open("/dev/null", O_RDWR);
    if (opened == -1)
        opened = ::open("/", O_PATH);
    return opened == descriptor;
}

} // namespace

bool secure_standard_descriptors() noexcept {
    for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor)
        if (::fcntl(descriptor, F_GETFD) == -1 && !open_placeholder(descriptor))
            return false;
    return true;
}

} // namespace checkpg
