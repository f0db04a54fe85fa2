#include "routes/entry_table.hpp"

#include "base/units.hpp"

#include <array>

namespace checkpg {

namespace {

std::string took_cell(StatRow::Number duration) {
    return duration && *duration >= 0 ? rough_duration(milliseconds{*duration}) : "-";
}

std::string check_cell(const RouteEntry& entry) {
    return text_cell(entry.check.words) + (entry.check.running ? " (checking)" : "");
}

enum class Shown { always, several_processes, verbose };

struct EntryColumn {
    TextColumn column;
    std::string (*cell)(const RouteEntry&);
    bool tells_state = false;
    Shown shown = Shown::always;
};

using E = const RouteEntry&;
constexpr std::array columns{
    EntryColumn{{"PROCESS", true},
                [](E e) { return number_cell(e.row.process); },
                false,
                Shown::several_processes},
    EntryColumn{{"BACKEND"}, [](E e) { return text_cell(e.row.proxy); }},
    EntryColumn{{"SERVER"}, [](E e) { return text_cell(e.row.server); }},
    EntryColumn{{"STATUS"}, [](E e) { return text_cell(e.row.status); }, true},
    EntryColumn{{"CHECK"}, check_cell, true},
    EntryColumn{{"TOOK", true}, [](E e) { return took_cell(e.row.check_duration); }},
    EntryColumn{{"SESSIONS", true}, [](E e) { return number_cell(e.row.sessions); }},
    EntryColumn{{"MOST", true}, [](E e) { return number_cell(e.row.most_sessions); }},
    EntryColumn{{"LIMIT", true}, [](E e) { return number_cell(e.row.session_limit); }},
    EntryColumn{{"QUEUE", true}, [](E e) { return number_cell(e.row.queued); }},
    EntryColumn{{"CHANGED", true}, [](E e) { return age_cell(e.row.since_change); }},
    EntryColumn{{"HAPROXY"}, raw_check_cell, false, Shown::verbose},
    EntryColumn{{"ADDRESS"}, [](E e) { return text_cell(e.row.address); }, false, Shown::verbose},
    EntryColumn{
        {"DETAIL"}, [](E e) { return text_cell(e.row.check_detail); }, false, Shown::verbose},
};

bool is_shown(const EntryColumn& column, const Routes& routes, TextStyle style) noexcept {
    switch (column.shown) {
    case Shown::several_processes:
        return routes.several_processes;
    case Shown::verbose:
        return style.verbose;
    case Shown::always:
        break;
    }
    return true;
}

} // namespace

std::vector<std::string> entry_table(const Routes& routes, TextStyle style) {
    if (routes.entries.empty())
        return {};
    std::vector<TextColumn> shown;
    for (const EntryColumn& column : columns)
        if (is_shown(column, routes, style))
            shown.push_back(column.column);
    std::vector<TextRow> rows;
    for (const RouteEntry& entry : routes.entries) {
        if (entry.leads_elsewhere)
            continue;
        TextRow row{{}, entry.changed};
        for (const EntryColumn& column : columns)
            if (is_shown(column, routes, style))
                row.cells.push_back(
                    {column.cell(entry), column.tells_state ? colour_of(entry) : Colour::none});
        rows.push_back(std::move(row));
    }
    return table_lines(shown, rows, style);
}

} // namespace checkpg
