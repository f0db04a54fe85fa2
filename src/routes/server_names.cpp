#include "routes/server_names.hpp"

#include "base/haproxy_error.hpp"
#include "base/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>

namespace checkpg {

namespace {

using Fields = std::vector<std::string_view>;

constexpr std::size_t quoted_at_most = 80;
constexpr std::string_view list_version = "1";
constexpr std::string_view header_sign = "# ";
constexpr std::string_view nothing = "-";

[[noreturn]] void refuse(std::string_view line) {
    throw HaproxyError{fmt::format("no list of HAProxy's servers: the answer is '{}'",
                                   printable(line, quoted_at_most))};
}

/// Takes what is before the next separator from the start of the text, and the separator.
std::string_view take(std::string_view& text, char separator) {
    const auto end = text.find(separator);
    const auto taken = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return taken;
}

std::string_view take_line(std::string_view& text) {
    if (text.find('\n') == std::string_view::npos)
        throw HaproxyError{"HAProxy's list of servers breaks off before its end"};
    return take(text, '\n');
}

Fields fields_of(std::string_view line) {
    Fields fields;
    while (!line.empty())
        fields.push_back(take(line, ' '));
    return fields;
}

/// Reads lines by the names in their header.
class NameLines {
public:
    enum Column : std::size_t { be_name, srv_name, srv_fqdn, srv_port, srvrecord };

    explicit NameLines(std::string_view header) {
        if (!header.starts_with(header_sign))
            refuse(header);
        const Fields names = fields_of(header.substr(header_sign.size()));
        for (std::size_t column = 0; column < names_.size(); ++column) {
            const auto found = std::find(names.begin(), names.end(), names_[column]);
            if (found == names.end())
                throw HaproxyError{
                    fmt::format("HAProxy's list of servers has no column '{}'", names_[column])};
            positions_[column] = static_cast<std::size_t>(found - names.begin());
        }
    }

    /// The fields of these columns, in their order.
    std::array<std::string_view, 5> read(std::string_view line) const {
        const Fields fields = fields_of(line);
        std::array<std::string_view, 5> found;
        for (std::size_t column = 0; column < found.size(); ++column) {
            if (positions_[column] >= fields.size())
                refuse(line);
            found[column] = fields[positions_[column]];
        }
        return found;
    }

private:
    static constexpr std::array<std::string_view, 5> names_{"be_name", "srv_name", "srv_fqdn",
                                                            "srv_port", "srvrecord"};
    std::array<std::size_t, 5> positions_{};
};

bool is_given(std::string_view field) noexcept { return !field.empty() && field != nothing; }

} // namespace

bool is_without_address(const StatRow& row) noexcept { return row.status == "MAINT (resolution)"; }

void read_names(std::vector<StatRow>& rows, std::string_view answer) {
    using Lines = NameLines;
    if (const auto version = take_line(answer); version != list_version)
        refuse(version);
    const Lines lines{take_line(answer)};
    std::map<std::pair<std::string, std::string>, std::string> names;
    for (auto line = take_line(answer); !line.empty(); line = take_line(answer)) {
        const auto fields = lines.read(line);
        std::string& name =
            names[{std::string{fields[Lines::be_name]}, std::string{fields[Lines::srv_name]}}];
        if (is_given(fields[Lines::srvrecord]))
            name = fields[Lines::srvrecord];
        else if (is_given(fields[Lines::srv_fqdn]))
            name = fmt::format("{}:{}", fields[Lines::srv_fqdn], fields[Lines::srv_port]);
    }
    for (StatRow& row : rows)
        if (row.kind == StatRow::Kind::server)
            row.resolved_from = names[{row.proxy, row.server}];
}

} // namespace checkpg
