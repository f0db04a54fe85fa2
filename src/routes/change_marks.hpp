#pragma once

#include "routes/routing.hpp"

#include <string>
#include <unordered_map>
#include <vector>

namespace checkpg {

/// Remembers, from one look to the next, what the table said, to show what changed.
class ChangeMarks {
public:
    /// Marks the entries whose status or check changed within the last looks, so that an eye has
    /// time to see it, and returns a line for each that changed just now:
    /// "PostgresReadWrite-backend/db2: UP, primary -> DOWN, unreachable". Routes in state unknown
    /// have no entries and change nothing.
    std::vector<std::string> update(Routes& routes);

    /// Whether another state line is due: who is what, or what is wrong, is not what it was at the
    /// last call. Times and numbers of sessions don't count.
    bool is_news(const Routes& routes);

private:
    struct Memory {
        std::string text;
        int looks_since_change;
    };

    std::unordered_map<std::string, Memory> memories_;
    std::string last_news_;
};

} // namespace checkpg
