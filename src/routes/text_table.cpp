#include "routes/text_table.hpp"

#include "base/printable.hpp"
#include "base/units.hpp"
#include "routes/width.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace checkpg {

namespace {

using Widths = std::vector<std::size_t>;

Widths widths_of(const std::vector<TextColumn>& columns, const std::vector<TextRow>& rows) {
    Widths widths;
    widths.reserve(columns.size());
    for (const TextColumn& column : columns)
        widths.push_back(width_of(column.title));
    for (const TextRow& row : rows)
        for (std::size_t i = 0; i < columns.size(); ++i)
            widths[i] = std::max(widths[i], width_of(row.cells[i].text));
    return widths;
}

void append_padded(std::string& line, std::string_view text, std::size_t width, bool to_the_right,
                   bool last) {
    const std::size_t padding = width - width_of(text);
    line.append(to_the_right ? padding : 0, ' ');
    line += text;
    line.append(last ? 0 : (to_the_right ? 0 : padding) + 2, ' ');
}

} // namespace

std::vector<std::string> table_lines(const std::vector<TextColumn>& columns,
                                     const std::vector<TextRow>& rows, TextStyle style) {
    const Widths widths = widths_of(columns, rows);
    std::vector<std::string> lines{style.marks ? "  " : ""};
    for (std::size_t i = 0; i < columns.size(); ++i)
        append_padded(lines[0], columns[i].title, widths[i], columns[i].to_the_right,
                      i + 1 == columns.size());
    for (const TextRow& row : rows) {
        std::string line = style.marks ? (row.marked ? "> " : "  ") : "";
        for (std::size_t i = 0; i < columns.size(); ++i)
            append_padded(line, coloured(row.cells[i].text, row.cells[i].colour, style.colour),
                          widths[i], columns[i].to_the_right, i + 1 == columns.size());
        lines.push_back(std::move(line));
    }
    return lines;
}

std::string text_cell(std::string_view text) { return text.empty() ? "-" : printable(text); }

std::string number_cell(StatRow::Number value) { return value ? std::to_string(*value) : "-"; }

std::string age_cell(StatRow::Number seconds) {
    return seconds && *seconds >= 0 ? rough_duration(std::chrono::seconds{*seconds}) : "-";
}

std::string raw_check_cell(const RouteEntry& entry) {
    const std::string status = text_cell(entry.row.check_status);
    return entry.row.check_code ? fmt::format("{} {}", status, *entry.row.check_code) : status;
}

} // namespace checkpg
