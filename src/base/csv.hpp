#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace checkpg {

/// The fields of one line, quotes resolved; never none: an empty line is one empty field.
using CsvRecord = std::vector<std::string>;

/// The records of a CSV text as HAProxy writes it: fields between commas, records between line
/// feeds, a field with a comma, quote or line feed in it stands in double quotes, a quote in it is
/// doubled. A last record without its line feed is left out. Throws HaproxyError if text follows a
/// closing quote.
std::vector<CsvRecord> parse_csv(std::string_view text);

} // namespace checkpg
