#pragma once

#include "check/invocation.hpp"

namespace checkpg {

/// A check program from its arguments to its exit code. In HAProxy form it prints nothing but
/// usage, configuration and internal errors.
int run_check(Role wanted, int argc, char** argv) noexcept;

} // namespace checkpg
