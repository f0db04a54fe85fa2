#include "routes/show_stat.hpp"

#include "base/printable.hpp"
#include "routes/routes_unknown.hpp"

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

} // namespace

std::vector<StatRow> ShowStatReader::rows() && {
    if (ended_)
        return std::move(rows_);
    if (positions_.empty() && csv_.between_records())
        throw RoutesUnknown{"HAProxy closed the connection without an answer"};
    throw RoutesUnknown{"HAProxy's answer breaks off before its end"};
}

void ShowStatReader::record(const CsvRecord& record) {
    if (ended_)
        throw RoutesUnknown{"HAProxy's answer goes on behind its end"};
    if (positions_.empty())
        header(record);
    else if (record.blank())
        ended_ = true;
    else
        row(record);
}

void ShowStatReader::header(const CsvRecord& record) {
    if (!record[0].starts_with(header_sign))
        throw RoutesUnknown{fmt::format("no table of HAProxy's: the answer is '{}'",
                                        printable_ascii(record[0], quoted_at_most))};
    positions_.assign(column_count, absent);
    for (std::size_t i = record.size(); i-- > 0;) {
        const auto name = i == 0 ? record[0].substr(header_sign.size()) : record[i];
        const auto found = std::find(column_names.begin(), column_names.end(), name);
        if (found != column_names.end())
            positions_[static_cast<std::size_t>(found - column_names.begin())] = i;
    }
    for (std::size_t column = 0; column < required_columns; ++column)
        if (positions_[column] == absent)
            throw RoutesUnknown{
                fmt::format("HAProxy's table has no column '{}'", column_names[column])};
}

void ShowStatReader::row(const CsvRecord& record) {
    const auto kind = kind_of(field(record, type));
    if (!kind && field(record, type) == "3")
        return;
    if (!kind || field(record, pxname).empty() || field(record, svname).empty())
        throw RoutesUnknown{fmt::format("no line of HAProxy's table: '{}'",
                                        printable_ascii(record[0], quoted_at_most))};
    const auto text = [&](StatColumn column) { return std::string{field(record, column)}; };
    rows_.push_back({*kind, text(pxname), text(svname), text(status), text(check_status),
                     text(last_chk), text(addr), number(record, pid), number(record, check_code),
                     number(record, check_duration), number(record, scur), number(record, smax),
                     number(record, slim), number(record, qcur), number(record, weight),
                     number(record, lastchg), field(record, bck) == "1"});
}

std::string_view ShowStatReader::field(const CsvRecord& record, std::size_t column) const noexcept {
    return record[positions_[column]];
}

StatRow::Number ShowStatReader::number(const CsvRecord& record, std::size_t column) const {
    const auto text = field(record, column);
    if (text.empty())
        return std::nullopt;
    std::int64_t value = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    if (result.ec != std::errc{} || result.ptr != text.data() + text.size() ||
        value > largest_number || value < -largest_number)
        throw RoutesUnknown{fmt::format(
            "'{}' of {}/{} is no number in HAProxy's table: '{}'", column_names[column],
            printable_ascii(record[0], quoted_at_most), printable_ascii(record[1], quoted_at_most),
            printable_ascii(text, quoted_at_most))};
    return value;
}

} // namespace checkpg
