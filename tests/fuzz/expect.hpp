#pragma once

#include <cstdio>
#include <cstdlib>

/// A promise that must hold for every input, in release builds too: says which one didn't, and
/// where.
#define EXPECT(condition)                                                                          \
    ((condition)                                                                                   \
         ? static_cast<void>(0)                                                                    \
         : (std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition), std::abort()))
