#include "base/servers_state.hpp"

#include "base/haproxy_error.hpp"
#include "base/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace checkpg {

namespace {

constexpr std::size_t quoted_at_most = 80;
constexpr std::string_view list_version = "1";
constexpr std::string_view header_sign = "# ";

std::string in_quotes(std::string_view text) {
    return fmt::format("'{}'", printable(text, quoted_at_most));
}

/// Takes one line, without its line feed, from the start of the text.
std::string_view take_line(std::string_view& text) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos)
        throw HaproxyError{text.empty() ? "HAProxy's list of servers breaks off before its end"
                                        : "HAProxy's list of servers breaks off within a line"};
    const auto line = text.substr(0, end);
    text.remove_prefix(end + 1);
    return line;
}

/// Two blanks have an empty field between them.
ServerFields fields_of(std::string_view line) {
    ServerFields fields;
    for (auto blank = line.find(' '); blank != std::string_view::npos; blank = line.find(' ')) {
        fields.push_back(line.substr(0, blank));
        line.remove_prefix(blank + 1);
    }
    fields.push_back(line);
    return fields;
}

/// Where these columns are, by the names in the header.
std::vector<std::size_t> positions_of(std::span<const std::string_view> columns,
                                      std::string_view header) {
    if (!header.starts_with(header_sign))
        throw HaproxyError{
            fmt::format("HAProxy's list of servers has no header, but {}", in_quotes(header))};
    const ServerFields names = fields_of(header.substr(header_sign.size()));
    std::vector<std::size_t> positions;
    positions.reserve(columns.size());
    for (const std::string_view column : columns) {
        const auto found = std::find(names.begin(), names.end(), column);
        if (found == names.end())
            throw HaproxyError{fmt::format("HAProxy's list of servers has no column '{}'", column)};
        positions.push_back(static_cast<std::size_t>(found - names.begin()));
    }
    return positions;
}

ServerFields fields_at(const std::vector<std::size_t>& positions, std::string_view line) {
    const ServerFields fields = fields_of(line);
    ServerFields found;
    found.reserve(positions.size());
    for (const std::size_t position : positions) {
        if (position >= fields.size())
            throw HaproxyError{fmt::format("no line of HAProxy's list: {}", in_quotes(line))};
        found.push_back(fields[position]);
    }
    return found;
}

} // namespace

std::vector<ServerFields> read_servers_state(std::string_view answer,
                                             std::span<const std::string_view> columns,
                                             std::string_view whose) {
    const auto version = answer.substr(0, answer.find('\n'));
    if (!answer.empty() && version != list_version)
        throw HaproxyError{
            fmt::format("no list of {}: the answer is {}", whose, in_quotes(version))};
    take_line(answer);
    const auto positions = positions_of(columns, take_line(answer));
    std::vector<ServerFields> servers;
    for (auto line = take_line(answer); !line.empty(); line = take_line(answer))
        servers.push_back(fields_at(positions, line));
    if (!answer.empty())
        throw HaproxyError{"HAProxy's list of servers goes on behind its end"};
    return servers;
}

} // namespace checkpg
