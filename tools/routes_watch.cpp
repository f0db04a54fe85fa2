#include "routes_watch.hpp"

#include "base/units.hpp"
#include "routes/change_marks.hpp"
#include "routes/json.hpp"
#include "routes/look.hpp"
#include "routes/state_line.hpp"
#include "terminal.hpp"

#include <fmt/format.h>

#include <array>
#include <ctime>
#include <thread>

namespace {

using namespace checkpg;

std::string time_now(const char* format) {
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    std::array<char, 64> text{};
    ::localtime_r(&now, &local);
    return {text.data(), std::strftime(text.data(), text.size(), format, &local)};
}

/// Shows the routes each time anew until `show` says that it can't.
template <typename Show>
void look_again_and_again(const RoutesSettings& settings, milliseconds interval, Show show) {
    for (;;) {
        const auto begin = std::chrono::steady_clock::now();
        Routes routes = look_at_routes(settings);
        if (!show(routes))
            return;
        std::this_thread::sleep_until(begin + interval);
    }
}

ScreenText screen_text(const Routes& routes, TextStyle style, milliseconds interval) {
    ScreenText text;
    text.title = fmt::format("checkpgroutes, every {}, {}    Ctrl-C ends",
                             format_duration(interval), time_now("%H:%M:%S"));
    text.table = lines_below(routes, style);
    text.below.push_back(state_line(routes, style.colour));
    return text;
}

void watch_on_screen(const RoutesSettings& settings, TextStyle style, milliseconds interval) {
    Terminal terminal;
    ChangeMarks marks;
    style.marks = true;
    look_again_and_again(settings, interval, [&](Routes& routes) {
        marks.update(routes);
        return terminal.show(paint(screen_text(routes, style, interval), terminal.size()));
    });
}

void watch_in_lines(const RoutesSettings& settings, TextStyle style, milliseconds interval) {
    ChangeMarks marks;
    look_again_and_again(settings, interval, [&](Routes& routes) {
        const std::string time = time_now("%FT%T%z");
        std::string text;
        for (const std::string& change : marks.update(routes))
            text += fmt::format("{} {}\n", time, change);
        return write_out(text + fmt::format("{} {}\n", time, state_line(routes, style.colour)));
    });
}

void watch_as_json(const RoutesSettings& settings, milliseconds interval) {
    look_again_and_again(settings, interval,
                         [](Routes& routes) { return write_out(to_json(routes, true) + '\n'); });
}

} // namespace

int watch_routes(const RoutesCommandLine& line, const RoutesSettings& settings, TextStyle style,
                 bool on_screen) {
    if (line.json)
        watch_as_json(settings, *line.watch);
    else if (on_screen && !line.quiet)
        watch_on_screen(settings, style, *line.watch);
    else
        watch_in_lines(settings, style, *line.watch);
    return static_cast<int>(RouteState::unknown);
}
