#include "routes/change_marks.hpp"

#include "base/printable.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace checkpg {

namespace {

constexpr int looks_marked = 5;
constexpr int long_ago = looks_marked;

std::string key_of(const RouteEntry& entry) {
    return fmt::format("{}/{}/{}", entry.row.process.value_or(0), entry.row.proxy,
                       entry.row.server);
}

std::string text_of(const RouteEntry& entry) {
    if (entry.check.words.empty())
        return printable(entry.row.status);
    return printable(fmt::format("{}, {}", entry.row.status, entry.check.words));
}

std::string name_of(const RouteEntry& entry, bool several_processes) {
    const std::string name = printable(fmt::format("{}/{}", entry.row.proxy, entry.row.server));
    return several_processes ? fmt::format("process {}: {}", entry.row.process.value_or(0), name)
                             : name;
}

} // namespace

std::vector<std::string> ChangeMarks::update(Routes& routes) {
    std::vector<std::string> lines;
    for (RouteEntry& entry : routes.entries) {
        if (entry.leads_elsewhere)
            continue;
        std::string text = text_of(entry);
        const auto [found, is_new] = memories_.try_emplace(key_of(entry), Memory{text, long_ago});
        Memory& memory = found->second;
        if (memory.text != text) {
            lines.push_back(fmt::format("{}: {} -> {}", name_of(entry, routes.several_processes),
                                        memory.text, text));
            memory = {std::move(text), 0};
        }
        entry.changed = memory.looks_since_change < looks_marked;
        if (entry.changed)
            ++memory.looks_since_change;
    }
    return lines;
}

bool ChangeMarks::is_news(const Routes& routes) {
    std::string news =
        fmt::format("{}\n{}\n{}\n{}\n", words(routes.state), fmt::join(routes.primaries, ","),
                    fmt::join(routes.standbys, ","), fmt::join(routes.unchecked, ","));
    for (const Problem& problem : routes.problems)
        news += problem.subject + '\n';
    if (news == last_news_)
        return false;
    last_news_ = std::move(news);
    return true;
}

} // namespace checkpg
