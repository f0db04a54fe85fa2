#include "routes/history_text.hpp"

#include "base/printable.hpp"
#include "base/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace checkpg {

namespace {

constexpr std::size_t column_count = 8;
using Cells = std::array<std::string, column_count>;

std::string span_words(milliseconds span, bool precise) {
    const milliseconds positive = std::max(span, milliseconds{0});
    return precise ? rough_duration(positive)
                   : rough_duration(std::chrono::floor<std::chrono::seconds>(positive));
}

/// "UP for 3d04h", or of one that stays down "standby for 12m47s".
std::string before_words(const HistoryRow& row, bool precise) {
    if (!row.was_up || !row.former_duration)
        return "-";
    const bool same = *row.was_up == (row.kind == HistoryRow::Kind::up);
    const std::string what = *row.was_up                          ? "UP"
                             : same && !row.former_reason.empty() ? printable(row.former_reason)
                                                                  : "DOWN";
    return fmt::format("{} for {}", what, span_words(*row.former_duration, precise));
}

std::string process_words(const HistoryRow& row) {
    const bool begins = row.kind == HistoryRow::Kind::process_begins;
    const std::string number = row.process == 0 ? "" : fmt::format(" {}", row.process);
    return begins ? fmt::format("new process{} (start or reload)", number)
                  : fmt::format("process{} ends (stop or reload)", number);
}

Cells cells_of(const HistoryRow& row, bool precise) {
    Cells cells;
    cells[0] = local_time(row.time, precise);
    if (row.server.empty()) {
        cells[1] = "HAProxy";
        cells[4] = process_words(row);
        cells[2] = cells[3] = cells[5] = "-";
    } else {
        cells[1] = printable(row.server);
        cells[2] = row.role == BackendRole::read_write ? "read-write" : "read-only";
        cells[3] = row.kind == HistoryRow::Kind::up ? "UP" : "DOWN";
        cells[4] = row.reason.empty() ? "-" : printable(row.reason);
        cells[5] = before_words(row, precise);
    }
    cells[6] = row.backend.empty() ? "-" : printable(row.backend);
    cells[7] = row.text.empty() ? "-" : printable(row.text);
    return cells;
}

std::vector<std::string> aligned(const std::vector<Cells>& rows, std::size_t count) {
    std::array<std::size_t, column_count> widths{};
    for (const Cells& row : rows)
        for (std::size_t i = 0; i < count; ++i)
            widths[i] = std::max(widths[i], row[i].size());
    std::vector<std::string> lines;
    for (const Cells& row : rows) {
        std::string line;
        for (std::size_t i = 0; i + 1 < count; ++i)
            line += fmt::format("{:<{}}  ", row[i], widths[i]);
        lines.push_back(line + row[count - 1]);
    }
    return lines;
}

/// Whether writes have several backends: then it is said of which one something is.
bool several_writers(const History& history) {
    const std::string* first = nullptr;
    for (const HistoryRow& row : history.rows) {
        if (row.role != BackendRole::read_write || row.server.empty())
            continue;
        if (first != nullptr && *first != row.backend)
            return true;
        first = &row.backend;
    }
    return false;
}

/// Writes lines about a history's writes.
class WriteLines {
public:
    explicit WriteLines(const History& history)
        : history_{history}, several_{several_writers(history)} {}

    std::string of(const Failover& one) const {
        const std::string line = fmt::format("failover:   {} -> {}{}", printable(one.from),
                                             printable(one.to), backend(one.backend));
        if (one.took_over < one.left)
            return line +
                   fmt::format(", both were up from {} to {}", time(one.took_over), time(one.left));
        return line + fmt::format(", {} from {} to {}", span(one.length()), time(one.left),
                                  time(one.took_over));
    }

    std::string of(const WithoutPrimary& one) const {
        return fmt::format("no primary: {}{}{}", when(one), backend(one.backend), why(one));
    }

private:
    std::string when(const WithoutPrimary& one) const {
        if (one.end)
            return fmt::format("{} from {} to {}", span(*one.end - one.begin), time(one.begin),
                               time(*one.end));
        if (history_.source.ring)
            return fmt::format("{} until now, from {}", span(history_.source.now - one.begin),
                               time(one.begin));
        return fmt::format("from {} to the end of the log", time(one.begin));
    }

    /// "db1: unreachable", as far as it is known.
    static std::string why(const WithoutPrimary& one) {
        std::string text;
        for (const std::string* part : {&one.left, &one.reason})
            if (!part->empty())
                text += ": " + printable(*part);
        return text;
    }

    std::string backend(const std::string& name) const {
        return several_ ? fmt::format(" ({})", printable(name)) : "";
    }

    std::string time(WallTime moment) const { return local_time(moment, history_.precise); }

    std::string span(milliseconds length) const { return span_words(length, history_.precise); }

    const History& history_;
    bool several_;
};

} // namespace

std::vector<std::string> history_lines(const History& history, bool verbose) {
    constexpr std::size_t without_haproxys_words = 6;
    std::vector<Cells> rows{
        {"TIME", "SERVER", "FOR", "STATE", "REASON", "BEFORE", "BACKEND", "HAPROXY"}};
    for (const HistoryRow& row : history.rows)
        rows.push_back(cells_of(row, history.precise));
    std::vector<std::string> lines;
    if (!history.rows.empty())
        lines = aligned(rows, verbose ? column_count : without_haproxys_words);
    const WriteLines writes{history};
    for (const Failover& one : history.failovers)
        lines.push_back(writes.of(one));
    if (history.failovers.empty())
        lines.emplace_back("failover:   none");
    for (const WithoutPrimary& one : history.without_primary)
        lines.push_back(writes.of(one));
    if (history.without_primary.empty())
        lines.emplace_back("no primary: at no time");
    for (const std::string& note : history.notes)
        lines.push_back("note:       " + note);
    return lines;
}

} // namespace checkpg
