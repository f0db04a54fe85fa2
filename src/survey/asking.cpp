#include "survey/asking.hpp"

#include "base/error.hpp"
#include "base/haproxy_error.hpp"
#include "routes/look.hpp"
#include "survey/findings.hpp"
#include "survey/survey_json.hpp"
#include "survey/survey_table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <utility>

namespace checkpg {

namespace {

/// HAProxy's conclusions have it already that something is wrong with this server.
bool is_in_trouble(const std::string& name, const Routes& routes) {
    return std::any_of(routes.idle.begin(), routes.idle.end(),
                       [&](const IdleServer& idle) { return idle.name == name && !idle.by_role; });
}

} // namespace

Asking::Asking(RoutesSettings where, SurveySettings how, std::string server)
    : where_{std::move(where)}, how_{std::move(how)}, server_{std::move(server)} {}

Routes Asking::look() {
    const auto begun = Deadline::Clock::now();
    servers_.clear();
    checks_.clear();
    Routes routes = look_at_routes(where_);
    if (routes.state == RouteState::unknown)
        return routes;
    std::vector<BackendServer> servers;
    try {
        servers = find_backend_servers(where_.sockets, routes, Deadline{begun + where_.timeout});
    } catch (const HaproxyError& error) {
        return unknown_routes(error.what());
    }
    if (!server_.empty())
        check_one(routes, servers);
    else // HAProxy's time is its own, unless one was told for all
        ask(routes, servers, how_.timeout ? begun : Deadline::Clock::now());
    return routes;
}

void Asking::ask(Routes& routes, const std::vector<BackendServer>& servers,
                 Deadline::Clock::time_point begun) {
    servers_ = ask_backend_servers(servers, how_, begun);
    for (SurveyedServer& server : servers_)
        server.in_trouble = is_in_trouble(server.name, routes);
    add_findings(routes, servers_);
}

void Asking::check_one(Routes& routes, const std::vector<BackendServer>& servers) {
    std::set<std::string_view> names;
    for (const BackendServer& server : servers) {
        names.insert(server.name);
        if (server.name != server_)
            continue;
        checks_.push_back(check_backend_server(server, how_));
        add_problems(routes, checks_.back().problems);
    }
    if (checks_.empty())
        throw usage_error(fmt::format("--ask '{}': the named backends have no such server, but {}",
                                      server_, fmt::join(names, ", ")));
}

std::vector<std::string> Asking::lines(TextStyle style) const {
    if (server_.empty())
        return servers_.empty() ? std::vector<std::string>{} : survey_lines(servers_, style);
    std::vector<std::string> lines;
    for (const BackendCheck& check : checks_) {
        if (!lines.empty())
            lines.emplace_back();
        lines.insert(lines.end(), check.lines.begin(), check.lines.end());
    }
    return lines;
}

std::string Asking::json(const Routes& routes, bool compact) const {
    return server_.empty() ? to_json(routes, servers_, compact) : to_json(routes, checks_, compact);
}

} // namespace checkpg
