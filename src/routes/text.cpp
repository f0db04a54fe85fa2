#include "routes/text.hpp"

#include "base/printable.hpp"
#include "base/units.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

namespace checkpg {

namespace {

enum class Colour { none, green, yellow, red };

void append_coloured(std::string& line, std::string_view text, Colour colour, TextStyle style) {
    constexpr std::array<std::string_view, 4> starts{"", "\x1b[32m", "\x1b[33m", "\x1b[31m"};
    const bool plain = !style.colour || colour == Colour::none;
    if (!plain)
        line += starts[static_cast<std::size_t>(colour)];
    line += text;
    if (!plain)
        line += "\x1b[0m";
}

std::string coloured(std::string_view text, Colour colour, TextStyle style) {
    std::string result;
    append_coloured(result, text, colour, style);
    return result;
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
    if (entry.spare)
        return Colour::none;
    if (entry.row.status.starts_with("DOWN"))
        return kind == LastCheck::Kind::failed ? Colour::red : Colour::none;
    return Colour::yellow;
}

// Cells are appended to a buffer that is used again for each: a router may have 10,000 servers.

void append_number(std::string& cell, StatRow::Number value, std::string_view unit = "") {
    if (value)
        fmt::format_to(std::back_inserter(cell), "{}{}", *value, unit);
    else
        cell += '-';
}

void append_text(std::string& cell, std::string_view text) {
    append_printable_ascii(cell, text.empty() ? "-" : text);
}

void append_check(std::string& cell, const RouteEntry& entry) {
    append_text(cell, entry.check.words);
    if (entry.check.running)
        cell += " (checking)";
}

/// "PROCERR 4", as HAProxy has it.
void append_raw_check(std::string& cell, const StatRow& row) {
    append_text(cell, row.check_status);
    if (row.check_code)
        fmt::format_to(std::back_inserter(cell), " {}", *row.check_code);
}

struct Column {
    std::string_view title;
    bool to_the_right;
    void (*append)(std::string& cell, const RouteEntry&);
};

constexpr std::array columns{
    Column{"PROCESS", true,
           [](std::string& c, const RouteEntry& e) { append_number(c, e.row.process); }},
    Column{"BACKEND", false,
           [](std::string& c, const RouteEntry& e) { append_text(c, e.row.proxy); }},
    Column{"SERVER", false,
           [](std::string& c, const RouteEntry& e) { append_text(c, e.row.server); }},
    Column{"STATUS", false,
           [](std::string& c, const RouteEntry& e) { append_text(c, e.row.status); }},
    Column{"CHECK", false, append_check},
    Column{
        "TOOK", true,
        [](std::string& c, const RouteEntry& e) { append_number(c, e.row.check_duration, "ms"); }},
    Column{"SESSIONS", true,
           [](std::string& c, const RouteEntry& e) { append_number(c, e.row.sessions); }},
    Column{"MOST", true,
           [](std::string& c, const RouteEntry& e) { append_number(c, e.row.most_sessions); }},
    Column{"LIMIT", true,
           [](std::string& c, const RouteEntry& e) { append_number(c, e.row.session_limit); }},
    Column{"QUEUE", true,
           [](std::string& c, const RouteEntry& e) { append_number(c, e.row.queued); }},
    Column{"CHANGED", true,
           [](std::string& c, const RouteEntry& e) { c += format_age(e.row.since_change); }},
    Column{"HAPROXY", false,
           [](std::string& c, const RouteEntry& e) { append_raw_check(c, e.row); }},
    Column{"ADDRESS", false,
           [](std::string& c, const RouteEntry& e) { append_text(c, e.row.address); }},
    Column{"DETAIL", false,
           [](std::string& c, const RouteEntry& e) { append_text(c, e.row.check_detail); }},
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
        std::string cell;
        for (const RouteEntry& entry : routes.entries)
            for (const std::size_t i : shown_) {
                cell.clear();
                columns[i].append(cell, entry);
                widths_[i] = std::max(widths_[i], cell.size());
            }
    }

    std::string header() const {
        std::string line = style_.marks ? "  " : "";
        for (const std::size_t i : shown_)
            append_padded(line, columns[i].title, i, Colour::none);
        return line;
    }

    std::string line(const RouteEntry& entry) const {
        std::string line = style_.marks ? (entry.changed ? "> " : "  ") : "";
        std::string cell;
        for (const std::size_t i : shown_) {
            const bool tells_state = i == status_column || i == check_column;
            cell.clear();
            columns[i].append(cell, entry);
            append_padded(line, cell, i, tells_state ? colour_of(entry) : Colour::none);
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
        append_coloured(line, cell, colour, style_);
        line.append(last ? 0 : (to_the_right ? 0 : padding) + 2, ' ');
    }

    TextStyle style_;
    std::vector<std::size_t> shown_;
    Widths widths_{};
};

std::string joined(const std::vector<std::string>& names) {
    return names.empty() ? "none" : printable_ascii(fmt::format("{}", fmt::join(names, ", ")));
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
    for (const IdleServer& server : routes.idle)
        lines.push_back(
            fmt::format("neither:   {}: {}", printable_ascii(server.name), server.reason));
    lines.push_back(
        fmt::format("sessions:  {} read-write (most {}), {} read-only (most {}), {} queued",
                    routes.read_write.now, routes.read_write.most, routes.read_only.now,
                    routes.read_only.most, routes.queued));
    for (const Problem& problem : routes.problems)
        lines.push_back(fmt::format("{:<11}{}", fmt::format("{}:", words(problem.state)),
                                    coloured(problem.text, colour_of(problem.state), style)));
    for (const std::string& note : routes.notes)
        lines.push_back("note:      " + printable_ascii(note));
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
