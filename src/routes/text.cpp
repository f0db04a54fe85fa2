#include "routes/text.hpp"

#include "base/printable.hpp"
#include "base/units.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace checkpg {

namespace {

enum class Colour { none, green, yellow, red };

std::string coloured(std::string_view text, Colour colour, TextStyle style) {
    constexpr std::array<std::string_view, 4> starts{"", "\x1b[32m", "\x1b[33m", "\x1b[31m"};
    if (!style.colour || colour == Colour::none)
        return std::string{text};
    return fmt::format("{}{}\x1b[0m", starts[static_cast<std::size_t>(colour)], text);
}

Colour colour_of(RouteState state) {
    switch (state) {
    case RouteState::ok:
        return Colour::green;
    case RouteState::warning:
        return Colour::yellow;
    case RouteState::critical:
    case RouteState::unknown:
        break;
    }
    return Colour::red;
}

/// A server that is down because of its role is in order, so it keeps the ordinary colour.
Colour colour_of(const RouteEntry& entry) {
    const auto kind = entry.check.kind;
    if (entry.row.kind == StatRow::Kind::frontend)
        return entry.row.status == "OPEN" ? Colour::none : Colour::red;
    if (entry.row.kind == StatRow::Kind::backend)
        return entry.row.status.starts_with("UP") ? Colour::none : Colour::red;
    if (entry.serving)
        return kind == LastCheck::Kind::passed || kind == LastCheck::Kind::none ? Colour::green
                                                                                : Colour::yellow;
    if (entry.spare || entry.unused)
        return Colour::none;
    if (entry.row.status.starts_with("DOWN"))
        return kind == LastCheck::Kind::failed ? Colour::red : Colour::none;
    return Colour::yellow;
}

std::string number_cell(StatRow::Number value) { return value ? std::to_string(*value) : "-"; }

std::string took_cell(StatRow::Number duration) {
    return duration && *duration >= 0 ? rough_duration(milliseconds{*duration}) : "-";
}

std::string text_cell(std::string_view text) { return text.empty() ? "-" : printable(text); }

std::string check_cell(const RouteEntry& entry) {
    return text_cell(entry.check.words) + (entry.check.running ? " (checking)" : "");
}

/// "PROCERR 4", as HAProxy has it.
std::string raw_check_cell(const RouteEntry& entry) {
    const std::string status = text_cell(entry.row.check_status);
    return entry.row.check_code ? fmt::format("{} {}", status, *entry.row.check_code) : status;
}

struct Column {
    std::string_view title;
    bool to_the_right;
    std::string (*cell)(const RouteEntry&);
};

constexpr std::array columns{
    Column{"PROCESS", true, [](const RouteEntry& e) { return number_cell(e.row.process); }},
    Column{"BACKEND", false, [](const RouteEntry& e) { return text_cell(e.row.proxy); }},
    Column{"SERVER", false, [](const RouteEntry& e) { return text_cell(e.row.server); }},
    Column{"STATUS", false, [](const RouteEntry& e) { return text_cell(e.row.status); }},
    Column{"CHECK", false, check_cell},
    Column{"TOOK", true, [](const RouteEntry& e) { return took_cell(e.row.check_duration); }},
    Column{"SESSIONS", true, [](const RouteEntry& e) { return number_cell(e.row.sessions); }},
    Column{"MOST", true, [](const RouteEntry& e) { return number_cell(e.row.most_sessions); }},
    Column{"LIMIT", true, [](const RouteEntry& e) { return number_cell(e.row.session_limit); }},
    Column{"QUEUE", true, [](const RouteEntry& e) { return number_cell(e.row.queued); }},
    Column{"CHANGED", true, [](const RouteEntry& e) { return format_age(e.row.since_change); }},
    Column{"HAPROXY", false, raw_check_cell},
    Column{"ADDRESS", false, [](const RouteEntry& e) { return text_cell(e.row.address); }},
    Column{"DETAIL", false, [](const RouteEntry& e) { return text_cell(e.row.check_detail); }},
};

constexpr std::size_t process_column = 0;
constexpr std::size_t status_column = 3;
constexpr std::size_t check_column = 4;
constexpr std::size_t first_verbose_column = 11;

using Widths = std::array<std::size_t, columns.size()>;

std::vector<std::size_t> shown_columns(const Routes& routes, TextStyle style) {
    std::vector<std::size_t> shown;
    for (std::size_t i = 0; i < columns.size(); ++i)
        if ((i != process_column || routes.several_processes) &&
            (i < first_verbose_column || style.verbose))
            shown.push_back(i);
    return shown;
}

class Table {
public:
    Table(const Routes& routes, TextStyle style)
        : style_{style}, shown_{shown_columns(routes, style)} {
        for (const std::size_t i : shown_)
            widths_[i] = columns[i].title.size();
        for (const RouteEntry& entry : routes.entries)
            for (const std::size_t i : shown_)
                widths_[i] = std::max(widths_[i], columns[i].cell(entry).size());
    }

    std::string header() const {
        std::string line = style_.marks ? "  " : "";
        for (const std::size_t i : shown_)
            append_padded(line, columns[i].title, i, Colour::none);
        return line;
    }

    std::string line(const RouteEntry& entry) const {
        std::string line = style_.marks ? (entry.changed ? "> " : "  ") : "";
        for (const std::size_t i : shown_) {
            const bool tells_state = i == status_column || i == check_column;
            append_padded(line, columns[i].cell(entry), i,
                          tells_state ? colour_of(entry) : Colour::none);
        }
        return line;
    }

private:
    void append_padded(std::string& line, std::string_view cell, std::size_t column,
                       Colour colour) const {
        const std::size_t padding = widths_[column] - cell.size();
        const bool to_the_right = columns[column].to_the_right;
        const bool last = column == shown_.back();
        line.append(to_the_right ? padding : 0, ' ');
        line += coloured(cell, colour, style_);
        line.append(last ? 0 : (to_the_right ? 0 : padding) + 2, ' ');
    }

    TextStyle style_;
    std::vector<std::size_t> shown_;
    Widths widths_{};
};

std::string joined(const std::vector<std::string>& names) {
    return names.empty() ? "none" : printable(fmt::format("{}", fmt::join(names, ", ")));
}

std::string capitals(std::string_view text) {
    std::string result{text};
    for (char& c : result)
        if (c >= 'a' && c <= 'z')
            c = static_cast<char>(c - 'a' + 'A');
    return result;
}

std::string roles_and_sessions(const Routes& routes) {
    return fmt::format("primary {}, {} standby{}, sessions {} read-write and {} read-only",
                       joined(routes.primaries), routes.standbys.size(),
                       routes.standbys.size() == 1 ? "" : "s", routes.read_write.now,
                       routes.read_only.now);
}

std::string performance_data(const Routes& routes) {
    return fmt::format("primaries={};1:1;1:1;0 standbys={};1:;;0 sessions_read_write={};;;0 "
                       "sessions_read_only={};;;0 queued={};0;;0",
                       routes.primaries.size(), routes.standbys.size(), routes.read_write.now,
                       routes.read_only.now, routes.queued);
}

} // namespace

std::vector<std::string> table_lines(const Routes& routes, TextStyle style) {
    std::vector<std::string> lines;
    if (routes.entries.empty())
        return lines;
    const Table table{routes, style};
    lines.reserve(routes.entries.size() + 1);
    lines.push_back(table.header());
    for (const RouteEntry& entry : routes.entries)
        lines.push_back(table.line(entry));
    return lines;
}

std::vector<std::string> conclusion_lines(const Routes& routes, TextStyle style) {
    std::vector<std::string> lines;
    if (routes.state == RouteState::unknown)
        return lines;
    lines.push_back("primary:   " + joined(routes.primaries));
    lines.push_back("standbys:  " + joined(routes.standbys));
    if (!routes.unchecked.empty())
        lines.push_back("unchecked: " + joined(routes.unchecked));
    for (const IdleServer& server : routes.idle)
        lines.push_back(fmt::format("neither:   {}: {}", printable(server.name), server.reason));
    lines.push_back(
        fmt::format("sessions:  {} read-write (most {}), {} read-only (most {}), {} queued",
                    routes.read_write.now, routes.read_write.most, routes.read_only.now,
                    routes.read_only.most, routes.queued));
    for (const Problem& problem : routes.problems)
        lines.push_back(fmt::format("{:<11}{}", fmt::format("{}:", words(problem.state)),
                                    coloured(problem.text, colour_of(problem.state), style)));
    for (const std::string& note : routes.notes)
        lines.push_back("note:      " + printable(note));
    return lines;
}

std::string state_text(const Routes& routes) {
    if (routes.problems.empty())
        return roles_and_sessions(routes);
    std::string text = routes.problems.front().text;
    if (routes.problems.size() > 1)
        text += fmt::format(" (and {} more)", routes.problems.size() - 1);
    if (routes.state == RouteState::warning)
        text += "; " + roles_and_sessions(routes);
    return text;
}

std::string state_line(const Routes& routes, TextStyle style) {
    std::string text = state_text(routes);
    std::replace(text.begin(), text.end(), '|', '/'); // what follows a '|' is performance data
    return fmt::format(
        "{}: {}", coloured(capitals(words(routes.state)), colour_of(routes.state), style), text);
}

std::string monitoring_line(const Routes& routes, TextStyle style) {
    std::string line = state_line(routes, style);
    if (routes.state != RouteState::unknown)
        line += " | " + performance_data(routes);
    return line;
}

std::string format_age(StatRow::Number seconds) {
    return seconds && *seconds >= 0 ? rough_duration(std::chrono::seconds{*seconds}) : "-";
}

} // namespace checkpg
