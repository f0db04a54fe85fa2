#include "routes/text.hpp"

#include "base/printable.hpp"
#include "routes/entry_table.hpp"
#include "routes/server_table.hpp"
#include "routes/state_line.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace checkpg {

std::vector<std::string> lines_below(const Routes& routes, TextStyle style) {
    std::vector<std::string> lines;
    for (std::size_t i = 1; i < routes.problems.size(); ++i) {
        const Problem& problem = routes.problems[i];
        lines.push_back(fmt::format(
            "{}: {}", coloured(words(problem.state), colour_of(problem.state), style.colour),
            problem.text));
    }
    const auto table = style.table ? entry_table(routes, style) : server_table(routes, style);
    lines.insert(lines.end(), table.begin(), table.end());
    for (const std::string& note : routes.notes)
        lines.push_back("note: " + printable(note));
    return lines;
}

std::string report_text(const Routes& routes, TextStyle style,
                        const std::string& performance_data) {
    std::string text = state_line(routes, style.colour);
    if (!performance_data.empty())
        text += " | " + performance_data;
    for (std::string line : lines_below(routes, style)) {
        std::replace(line.begin(), line.end(), '|', '/');
        text += '\n' + line;
    }
    return text + '\n';
}

} // namespace checkpg
