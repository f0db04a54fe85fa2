#include "routes/state_line.hpp"

#include "routes/colour.hpp"
#include "routes/name_list.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace checkpg {

namespace {

std::string capitals(std::string_view text) {
    std::string result{text};
    for (char& c : result)
        if (c >= 'a' && c <= 'z')
            c = static_cast<char>(c - 'a' + 'A');
    return result;
}

/// "primary db2 for 5d04h, standbys db1, db3"; several primaries are a problem, and named there.
std::string roles(const Routes& routes) {
    std::vector<std::string> texts;
    if (routes.primaries.size() == 1) {
        texts.push_back("primary " + listed(routes.primaries));
        if (routes.role_since)
            texts.back() += fmt::format(" {}", words(*routes.role_since));
    }
    if (!routes.standbys.empty())
        texts.push_back(fmt::format("standby{} {}", routes.standbys.size() == 1 ? "" : "s",
                                    listed(routes.standbys)));
    return fmt::format("{}", fmt::join(texts, ", "));
}

std::string sessions(const Routes& routes) {
    std::string text = fmt::format("sessions {} read-write and {} read-only", routes.read_write.now,
                                   routes.read_only.now);
    const std::size_t old = routes.old_processes ? routes.old_processes->size() : 0;
    if (old == 1)
        text += ", and those of an old HAProxy process";
    else if (old > 1)
        text += fmt::format(", and those of {} old HAProxy processes", old);
    return text;
}

std::string worst_problem(const Routes& routes) {
    const auto others = routes.problems.size() - 1;
    const std::string& text = routes.problems.front().text;
    return others > 0 ? fmt::format("{} (and {} more)", text, others) : text;
}

} // namespace

std::string state_text(const Routes& routes) {
    std::vector<std::string> texts;
    if (!routes.problems.empty())
        texts.push_back(worst_problem(routes));
    if (const auto text = roles(routes); !text.empty())
        texts.push_back(text);
    if (routes.state == RouteState::ok || routes.state == RouteState::warning)
        texts.push_back(sessions(routes));
    return fmt::format("{}", fmt::join(texts, "; "));
}

std::string state_line(const Routes& routes, bool colour, std::string_view whose) {
    std::string text = state_text(routes);
    std::replace(text.begin(), text.end(), '|', '/');
    return fmt::format("{}: {}{}",
                       coloured(capitals(words(routes.state)), colour_of(routes.state), colour),
                       whose, text);
}

} // namespace checkpg
