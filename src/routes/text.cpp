#include "routes/text.hpp"

#include "base/printable.hpp"
#include "routes/entry_table.hpp"
#include "routes/server_table.hpp"
#include "routes/state_line.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace checkpg {

std::vector<std::string> TextBelow::lines() const {
    std::vector<std::string> all = problems;
    all.insert(all.end(), table.begin(), table.end());
    all.insert(all.end(), notes.begin(), notes.end());
    return all;
}

TextBelow text_below(const Routes& routes, TextStyle style) {
    TextBelow below;
    for (std::size_t i = 1; i < routes.problems.size(); ++i) {
        const Problem& problem = routes.problems[i];
        below.problems.push_back(fmt::format(
            "{}: {}", coloured(words(problem.state), colour_of(problem.state), style.colour),
            problem.text));
    }
    below.table = style.table ? entry_table(routes, style) : server_table(routes, style);
    for (const std::string& note : routes.notes)
        below.notes.push_back("note: " + printable(note));
    return below;
}

std::string report_text(const Routes& routes, const TextBelow& below, TextStyle style,
                        const std::string& performance_data) {
    std::string text = state_line(routes, style.colour);
    if (!performance_data.empty())
        text += " | " + performance_data;
    for (std::string line : below.lines()) {
        std::replace(line.begin(), line.end(), '|', '/');
        text += '\n' + line;
    }
    return text + '\n';
}

} // namespace checkpg
