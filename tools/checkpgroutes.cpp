#include "base/error.hpp"
#include "base/haproxy_error.hpp"
#include "base/stdio.hpp"
#include "base/version.hpp"
#include "routes/clusters.hpp"
#include "routes/history_json.hpp"
#include "routes/history_source.hpp"
#include "routes/history_text.hpp"
#include "routes/json.hpp"
#include "routes/look.hpp"
#include "routes/options.hpp"
#include "routes/performance_data.hpp"
#include "routes/prometheus.hpp"
#include "routes/screen.hpp"
#include "routes/text.hpp"
#include "routes_view.hpp"
#include "routes_watch.hpp"
#include "survey/asking.hpp"
#include "survey/guard.hpp"
#include "terminal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

using namespace checkpg;

constexpr int status_of(RouteState state) noexcept { return static_cast<int>(state); }

std::string environment(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? "" : value;
}

bool can_be_painted() {
    const std::string kind = environment("TERM");
    return !kind.empty() && kind != "dumb";
}

int finish(const std::string& output, int status) {
    if (!write_out(output))
        throw std::runtime_error{"the output can't be written"};
    return status;
}

std::string first_line_of(const std::string& text) { return text.substr(0, text.find('\n') + 1); }

int answer_shortly(const ShortAnswer& answer, bool verbose) {
    return finish(verbose ? answer.text + '\n' : "", status_of(answer.state));
}

RoutesView routes_view(const RoutesSettings& settings) {
    return {[=] { return look_at_routes(settings); }, text_below,
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
    const bool on_screen = line.watch && terminal && !line.quiet && !line.json;
    guard_asking(last_words(line, on_screen), on_screen ? restore_input : nullptr);
    auto asking = std::make_shared<Asking>(
        settings, SurveySettings{std::move(config), line.timeout}, *line.ask);
    return {[=] { return asking->look(); },
            [=](const Routes& routes, TextStyle style) {
                TextBelow below = text_below(routes, style);
                below.table = asking->lines(style);
                return below;
            },
            [=](const Routes& routes, bool compact) { return asking->json(routes, compact); }};
}

int show_once(const RoutesCommandLine& line, const RoutesView& view, const RouteRules& rules,
              TextStyle style, bool performance) {
    const Routes routes = view.look();
    if (line.prometheus) // the state is one of the metrics
        return finish(to_prometheus(routes), 0);
    const std::string data = performance ? performance_data(routes, rules) : "";
    const std::string text = report_text(routes, view.below(routes, style), style, data);
    if (line.json)
        return finish(view.json(routes, false) + '\n', status_of(routes.state));
    return finish(line.quiet ? first_line_of(text) : text, status_of(routes.state));
}

int show_all(const RoutesCommandLine& line, const std::vector<RoutesSettings>& all, bool colour,
             bool performance) {
    std::vector<ClusterRoutes> clusters;
    clusters.reserve(all.size());
    for (const RoutesSettings& settings : all)
        clusters.push_back({settings, look_at_routes(settings)});
    const int status = status_of(worst_state(clusters));
    if (line.json)
        return finish(to_json(clusters) + '\n', status);
    const std::string text = clusters_text(std::move(clusters), colour, performance);
    return finish(line.quiet ? first_line_of(text) : text, status);
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
    const auto settings = routes_settings(line, config);
    if (line.ping)
        return answer_shortly(ping_haproxy(settings.front()), line.verbose);
    if (line.serving)
        return answer_shortly(ask_who_serves(settings.front()), line.verbose);
    if (line.history)
        return show_history(line, settings.front());
    const bool on_terminal = ::isatty(STDOUT_FILENO) == 1;
    const bool capable = on_terminal && can_be_painted();
    const TextStyle style{capable && environment("NO_COLOR").empty(), line.verbose, false,
                          line.table};
    const bool performance = line.quiet || !on_terminal;
    if (line.all)
        return show_all(line, settings, style.colour, performance);
    const RoutesView view = line.ask ? asking_view(line, settings.front(), config, capable)
                                     : routes_view(settings.front());
    return line.watch ? watch_routes(line, view, style, capable)
                      : show_once(line, view, settings.front().rules, style, performance);
}

/// On standard output: monitoring systems see nothing else.
void complain(std::string text) {
    std::replace(text.begin(), text.end(), '|', '/');
    (void)write_out(fmt::format("UNKNOWN: {}\n", text));
}

} // namespace

int main(int argc, char* argv[]) {
    constexpr int unknown = status_of(RouteState::unknown);
    if (!secure_standard_descriptors())
        return unknown;
    try {
        return run({argv + (argc > 0 ? 1 : 0), argv + argc});
    } catch (const std::exception& error) {
        complain(error.what());
        return unknown;
    }
}
