#include "routes/server_names.hpp"

#include "base/servers_state.hpp"

#include <fmt/format.h>

#include <array>
#include <map>
#include <string>
#include <utility>

namespace checkpg {

namespace {

constexpr std::string_view nothing = "-";

/// What is read of each server, in the order of the columns.
enum : std::size_t { be_name, srv_name, srv_fqdn, srv_port, srvrecord };
constexpr std::array<std::string_view, 5> columns{"be_name", "srv_name", "srv_fqdn", "srv_port",
                                                  "srvrecord"};

bool is_given(std::string_view field) noexcept { return !field.empty() && field != nothing; }

} // namespace

bool is_without_address(const StatRow& row) noexcept { return row.status == "MAINT (resolution)"; }

void read_names(std::vector<StatRow>& rows, std::string_view answer) {
    std::map<std::pair<std::string, std::string>, std::string> names;
    for (const ServerFields& fields : read_servers_state(answer, columns, "HAProxy's servers")) {
        std::string& name = names[{std::string{fields[be_name]}, std::string{fields[srv_name]}}];
        if (is_given(fields[srvrecord]))
            name = fields[srvrecord];
        else if (is_given(fields[srv_fqdn]))
            name = fmt::format("{}:{}", fields[srv_fqdn], fields[srv_port]);
    }
    for (StatRow& row : rows)
        if (row.kind == StatRow::Kind::server)
            row.resolved_from = names[{row.proxy, row.server}];
}

} // namespace checkpg
