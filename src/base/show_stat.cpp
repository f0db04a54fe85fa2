#include "base/show_stat.hpp"

#include "base/csv.hpp"
#include "base/haproxy_error.hpp"
#include "base/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace checkpg {

namespace {

/// HAProxy counts in 32 bits all that is read here; sums and percentages of it fit in 64.
constexpr std::int64_t largest_number = std::numeric_limits<std::uint32_t>::max();

enum StatColumn : std::size_t {
    pxname,
    svname,
    status,
    type,
    pid,
    scur,
    smax,
    slim,
    qcur,
    weight,
    bck,
    lastchg,
    check_status,
    check_code,
    check_duration,
    last_chk,
    addr,
    column_count
};

constexpr std::array<std::string_view, column_count> column_names{
    "pxname",       "svname",     "status",         "type",     "pid", "scur",
    "smax",         "slim",       "qcur",           "weight",   "bck", "lastchg",
    "check_status", "check_code", "check_duration", "last_chk", "addr"};

constexpr std::size_t required_columns = type + 1;
constexpr std::size_t absent = std::string_view::npos;
constexpr std::string_view header_sign = "# ";
constexpr std::size_t quoted_at_most = 80;
constexpr const char* breaks_off = "HAProxy's answer breaks off before its end";

/// HAProxy's numbers for `type`; listeners (3) have none of ours.
std::optional<StatRow::Kind> kind_of(std::string_view number) noexcept {
    if (number == "0")
        return StatRow::Kind::frontend;
    if (number == "1")
        return StatRow::Kind::backend;
    if (number == "2")
        return StatRow::Kind::server;
    return std::nullopt;
}

/// Where the columns we use are, by the header's names.
class Columns {
public:
    explicit Columns(const CsvRecord& header) {
        if (!header[0].starts_with(header_sign))
            throw HaproxyError{fmt::format("no table of HAProxy's: the answer is '{}'",
                                           printable(header[0], quoted_at_most))};
        positions_.fill(absent);
        for (std::size_t i = header.size(); i-- > 0;) {
            const auto name = i == 0 ? header[0].substr(header_sign.size()) : header[i];
            const auto* const found = std::find(column_names.begin(), column_names.end(), name);
            if (found != column_names.end())
                positions_[static_cast<std::size_t>(found - column_names.begin())] = i;
        }
        for (std::size_t column = 0; column < required_columns; ++column)
            if (positions_[column] == absent)
                throw HaproxyError{
                    fmt::format("HAProxy's table has no column '{}'", column_names[column])};
    }

    /// Empty if the record has no such field.
    std::string text(const CsvRecord& record, StatColumn column) const {
        return positions_[column] < record.size() ? record[positions_[column]] : "";
    }

    StatRow::Number number(const CsvRecord& record, StatColumn column) const {
        const auto digits = text(record, column);
        if (digits.empty())
            return std::nullopt;
        std::int64_t value = 0;
        const char* const end = digits.data() + digits.size();
        const auto result = std::from_chars(digits.data(), end, value);
        if (result.ec != std::errc{} || result.ptr != end || value > largest_number ||
            value < -largest_number)
            throw HaproxyError{fmt::format("'{}' of {}/{} is no number in HAProxy's table: '{}'",
                                           column_names[column],
                                           printable(text(record, pxname), quoted_at_most),
                                           printable(text(record, svname), quoted_at_most),
                                           printable(digits, quoted_at_most))};
        return value;
    }

private:
    std::array<std::size_t, column_count> positions_{};
};

StatRow row_of(const CsvRecord& record, StatRow::Kind kind, const Columns& columns) {
    const auto text = [&](StatColumn column) { return columns.text(record, column); };
    const auto number = [&](StatColumn column) { return columns.number(record, column); };
    return {kind,
            text(pxname),
            text(svname),
            text(status),
            text(check_status),
            text(last_chk),
            text(addr),
            number(pid),
            number(check_code),
            number(check_duration),
            number(scur),
            number(smax),
            number(slim),
            number(qcur),
            number(weight),
            number(lastchg),
            text(bck) == "1",
            {}};
}

bool is_blank(const CsvRecord& record) { return record.size() == 1 && record[0].empty(); }

} // namespace

std::vector<StatRow> parse_show_stat(std::string_view answer) {
    constexpr std::string_view listener = "3";
    if (answer.empty())
        throw HaproxyError{"HAProxy closed the connection without an answer"};
    const auto records = parse_csv(answer);
    if (records.empty())
        throw HaproxyError{breaks_off};
    const Columns columns{records.front()};
    std::vector<StatRow> rows;
    for (std::size_t i = 1; i < records.size(); ++i) {
        const CsvRecord& record = records[i];
        if (is_blank(record) && i + 1 < records.size())
            throw HaproxyError{"HAProxy's answer goes on behind its end"};
        if (is_blank(record))
            return rows;
        const auto number = columns.text(record, type);
        const auto kind = kind_of(number);
        if (!kind && number == listener)
            continue;
        if (!kind || columns.text(record, pxname).empty() || columns.text(record, svname).empty())
            throw HaproxyError{fmt::format("no line of HAProxy's table: '{}'",
                                           printable(record[0], quoted_at_most))};
        rows.push_back(row_of(record, *kind, columns));
    }
    throw HaproxyError{breaks_off};
}

} // namespace checkpg
