#include "survey/server_story.hpp"

#include "base/error.hpp"
#include "base/printable.hpp"
#include "check/report.hpp"
#include "survey/guard.hpp"

#include <fmt/format.h>

#include <utility>

namespace checkpg {

namespace {

using Clock = Deadline::Clock;

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const auto end = text.find('\n');
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return lines;
}

std::string haproxy_line(const BackendServer& server) {
    return printable(fmt::format("{}/{}: {}{}{}", server.backend, server.name,
                                 server.status.empty() ? "unknown" : server.status,
                                 server.check.empty() ? "" : ", its last check: ", server.check));
}

/// A server that is not routed to may be so for good reasons; of those HAProxy tells.
std::vector<Problem> problems_of(const BackendServer& server, const Verdict& verdict) {
    const bool is_wanted_fallback = server.fallback && server.role == BackendRole::read_only;
    if (!server.serving || verdict.code == ExitCode::ok || is_wanted_fallback)
        return {};
    const bool writes = server.role == BackendRole::read_write;
    const std::string text = printable(fmt::format(
        "HAProxy sends {} to {} ({}), and its check ends with {} ({})", writes ? "writes" : "reads",
        server.name, server.backend, to_int(verdict.code), words(verdict.code)));
    return {
        {writes && verdict.code != ExitCode::timed_out ? RouteState::critical : RouteState::warning,
         text, text}};
}

} // namespace

BackendCheck check_backend_server(const BackendServer& server, const SurveySettings& how) {
    BackendCheck done;
    done.lines.push_back(haproxy_line(server));
    if (server.address.empty()) {
        done.lines.emplace_back("HAProxy has no address for it: its name is not resolved, or it is "
                                "a UNIX socket");
        done.json = "null";
        return done;
    }
    const auto begun = Clock::now();
    const Role role = server.role == BackendRole::read_write ? Role::primary : Role::standby;
    const std::string_view program = role == Role::primary ? "checkpgprimary" : "checkpgstandby";
    const Invocation invocation = invocation_for(server, how);
    const Settings settings = settings_for(program, invocation, how);
    const Deadline deadline{begun + settings.timeout};
    const Watchdog watchdog{deadline};
    const Check check = check_server(role, settings, deadline);
    const CheckReport report{program, role, invocation, settings, check, begun, Clock::now()};
    for (std::string& line : lines_of(story(report)))
        done.lines.push_back(std::move(line));
    done.json = to_json(report);
    done.problems = problems_of(server, check.verdict);
    return done;
}

} // namespace checkpg
