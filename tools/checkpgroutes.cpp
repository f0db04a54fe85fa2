#include "base/error.hpp"
#include "base/haproxy_error.hpp"
#include "base/stdio.hpp"
#include "base/version.hpp"
#include "routes/history_json.hpp"
#include "routes/history_source.hpp"
#include "routes/history_text.hpp"
#include "routes/json.hpp"
#include "routes/look.hpp"
#include "routes/options.hpp"
#include "routes/prometheus.hpp"
#include "routes/text.hpp"
#include "routes_watch.hpp"
#include "terminal.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <unistd.h>

namespace {

using namespace checkpg;

constexpr int status_of(RouteState state) noexcept { return static_cast<int>(state); }

std::string environment(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? "" : value;
}

bool on_capable_terminal() {
    const std::string kind = environment("TERM");
    return ::isatty(STDOUT_FILENO) == 1 && !kind.empty() && kind != "dumb";
}

int finish(const std::string& output, int status) {
    if (!write_out(output))
        throw std::runtime_error{"the output can't be written"};
    return status;
}

int ping(const RoutesSettings& settings, bool verbose) {
    const Ping result = ping_haproxy(settings);
    return finish(verbose ? result.text + '\n' : "",
                  status_of(result.answered ? RouteState::ok : RouteState::unknown));
}

std::string as_text(const Routes& routes, TextStyle style, bool quiet) {
    std::string text;
    if (!quiet) {
        for (const std::string& line : table_lines(routes, style))
            text += line + '\n';
        for (const std::string& line : conclusion_lines(routes, style))
            text += line + '\n';
    }
    return text + monitoring_line(routes, style) + '\n';
}

int show_once(const RoutesCommandLine& line, const RoutesSettings& settings, TextStyle style) {
    const Routes routes = look_at_routes(settings);
    if (line.prometheus) // the state is one of the metrics
        return finish(to_prometheus(routes), 0);
    return finish(line.json ? to_json(routes, false) + '\n' : as_text(routes, style, line.quiet),
                  status_of(routes.state));
}

int show_history(const RoutesCommandLine& line, const RoutesSettings& settings) {
    const auto now = std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
    try {
        const History history = look_back(settings, line.log, line.since, now);
        std::string text;
        for (const std::string& one : history_lines(history, line.verbose))
            text += one + '\n';
        return finish(line.json ? to_json(history) + '\n' : text, 0);
    } catch (const HaproxyError& error) {
        return finish(line.json ? unknown_history_json(error.what()) + '\n'
                                : fmt::format("UNKNOWN: {}\n", error.what()),
                      status_of(RouteState::unknown));
    }
}

int run(const std::vector<std::string>& arguments) {
    const RoutesCommandLine line = parse_routes_command_line(arguments);
    if (line.help)
        return finish(routes_help(), 0);
    if (line.version)
        return finish(fmt::format("checkpgroutes (checkpg) {}\n", version), 0);
    const RoutesSettings settings = routes_settings(line, find_config_file(line.config, ::getenv));
    if (line.ping)
        return ping(settings, line.verbose);
    if (line.history)
        return show_history(line, settings);
    const bool terminal = on_capable_terminal();
    const TextStyle style{terminal && environment("NO_COLOR").empty(), line.verbose, false};
    return line.watch ? watch_routes(line, settings, style, terminal)
                      : show_once(line, settings, style);
}

} // namespace

int main(int argc, char* argv[]) {
    constexpr int unknown = status_of(RouteState::unknown);
    if (!secure_standard_descriptors())
        return unknown;
    try {
        return run({argv + (argc > 0 ? 1 : 0), argv + argc});
    } catch (const std::exception& error) {
        std::fprintf(stderr, "checkpgroutes: %s\n", error.what());
        return unknown;
    }
}
