#include "routes_watch.hpp"

#include "base/units.hpp"
#include "routes/change_marks.hpp"
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
void look_again_and_again(const RoutesView& view, milliseconds interval, Show show) {
    for (;;) {
        const auto begin = std::chrono::steady_clock::now();
        Routes routes = view.look();
        if (!show(routes))
            return;
        std::this_thread::sleep_until(begin + interval);
    }
}

ScreenText screen_text(const RoutesView& view, const Routes& routes, TextStyle style,
                       milliseconds interval) {
    ScreenText text;
    text.title = fmt::format("checkpgroutes, every {}, {}    Ctrl-C ends",
                             format_duration(interval), time_now("%H:%M:%S"));
    text.table = view.table(routes, style);
    text.below = conclusion_lines(routes, style);
    text.below.push_back(state_line(routes, style));
    return text;
}

void watch_on_screen(const RoutesView& view, TextStyle style, milliseconds interval) {
    Terminal terminal;
    ChangeMarks marks;
    style.marks = true;
    look_again_and_again(view, interval, [&](Routes& routes) {
        marks.update(routes);
        return terminal.show(paint(screen_text(view, routes, style, interval), terminal.size()));
    });
}

void watch_in_lines(const RoutesView& view, TextStyle style, milliseconds interval) {
    ChangeMarks marks;
    look_again_and_again(view, interval, [&](Routes& routes) {
        const std::string time = time_now("%FT%T%z");
        std::string text;
        for (const std::string& change : marks.update(routes))
            text += fmt::format("{} {}\n", time, change);
        return write_out(text + fmt::format("{} {}\n", time, state_line(routes, style)));
    });
}

void watch_as_json(const RoutesView& view, milliseconds interval) {
    look_again_and_again(view, interval,
                         [&](Routes& routes) { return write_out(view.json(routes, true) + '\n'); });
}

} // namespace

int watch_routes(const RoutesCommandLine& line, const RoutesView& view, TextStyle style,
                 bool on_screen) {
    if (line.json)
        watch_as_json(view, *line.watch);
    else if (on_screen && !line.quiet)
        watch_on_screen(view, style, *line.watch);
    else
        watch_in_lines(view, style, *line.watch);
    return static_cast<int>(RouteState::unknown);
}
