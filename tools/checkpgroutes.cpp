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
#include "routes/screen.hpp"
#include "routes/text.hpp"
#include "routes_view.hpp"
#include "routes_watch.hpp"
#include "survey/asking.hpp"
#include "survey/guard.hpp"
#include "terminal.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>

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

RoutesView routes_view(const RoutesSettings& settings) {
    return {[=] { return look_at_routes(settings); }, table_lines,
            [](const Routes& routes, bool compact) { return to_json(routes, compact); }};
}

/// What is said if the watchdog ends the program.
std::string_view last_words(const RoutesCommandLine& line, bool on_screen) {
    static const std::string text =
        (on_screen ? std::string{leave_screen} : "") +
        (line.json ? R"({"schema": 1, "state": "unknown", )"
                     R"("summary": "ended by the watchdog: a call did not come back"})"
                   : "UNKNOWN: ended by the watchdog: a call did not come back") +
        "\n";
    return text;
}

/// Whoever asks PostgreSQL is guarded from then on, as a check is.
RoutesView asking_view(const RoutesCommandLine& line, const RoutesSettings& settings,
                       std::optional<ConfigFile> config, bool terminal) {
    guard_asking(last_words(line, line.watch && terminal && !line.quiet && !line.json));
    auto asking = std::make_shared<Asking>(
        settings, SurveySettings{std::move(config), line.timeout}, *line.ask);
    return {[=] { return asking->look(); },
            [=](const Routes&, TextStyle style) { return asking->lines(style); },
            [=](const Routes& routes, bool compact) { return asking->json(routes, compact); }};
}

std::string as_text(const RoutesView& view, const Routes& routes, TextStyle style, bool quiet) {
    std::string text;
    if (!quiet) {
        for (const std::string& line : view.table(routes, style))
            text += line + '\n';
        for (const std::string& line : conclusion_lines(routes, style))
            text += line + '\n';
    }
    return text + monitoring_line(routes, style) + '\n';
}

int show_once(const RoutesCommandLine& line, const RoutesView& view, TextStyle style) {
    const Routes routes = view.look();
    if (line.prometheus) // the state is one of the metrics
        return finish(to_prometheus(routes), 0);
    return finish(line.json ? view.json(routes, false) + '\n'
                            : as_text(view, routes, style, line.quiet),
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
    const auto config = find_config_file(line.config, ::getenv);
    const RoutesSettings settings = routes_settings(line, config);
    if (line.ping)
        return ping(settings, line.verbose);
    if (line.history)
        return show_history(line, settings);
    const bool terminal = on_capable_terminal();
    const TextStyle style{terminal && environment("NO_COLOR").empty(), line.verbose, false};
    const RoutesView view =
        line.ask ? asking_view(line, settings, config, terminal) : routes_view(settings);
    return line.watch ? watch_routes(line, view, style, terminal) : show_once(line, view, style);
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
