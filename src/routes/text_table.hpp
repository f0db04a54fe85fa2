#pragma once

#include "routes/colour.hpp"
#include "routes/show_stat.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace checkpg {

struct TextColumn {
    std::string_view title;
    bool to_the_right = false;
};

struct TextCell {
    std::string text;
    Colour colour = Colour::none;
};

struct TextRow {
    std::vector<TextCell> cells; ///< one for each column
    bool marked = false;         ///< something in it has just changed
};

/// How the text looks.
struct TextStyle {
    bool colour = false;
    bool verbose = false; ///< HAProxy's own words, the address and the detail of each check too
    bool marks = false;   ///< a first column that marks what changed
    bool table = false;   ///< a line for each frontend, server and backend, not one for each server
};

/// The lines of a table: its header, then one for each row.
std::vector<std::string> table_lines(const std::vector<TextColumn>& columns,
                                     const std::vector<TextRow>& rows, TextStyle style);

/// What HAProxy says, fit for a terminal; "-" for nothing.
std::string text_cell(std::string_view text);
std::string number_cell(StatRow::Number value);

/// "45s", "12m30s", "3h12m", "5d04h"; "-" for nothing.
std::string age_cell(StatRow::Number seconds);

/// The check in HAProxy's own words: "PROCERR 4".
std::string raw_check_cell(const RouteEntry& entry);

} // namespace checkpg
