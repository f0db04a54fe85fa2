#include "routes_watch.hpp"

#include "base/units.hpp"
#include "routes/change_marks.hpp"
#include "routes/state_line.hpp"
#include "terminal.hpp"

#include <fmt/format.h>

#include <array>
#include <ctime>

namespace {

using namespace checkpg;

using Clock = std::chrono::steady_clock;

/// "15:04:05", and as `exact` "2026-03-01T15:04:05.123+0100".
std::string time_now(bool exact) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    std::tm local{};
    ::localtime_r(&now.tv_sec, &local);
    const auto formatted = [&](const char* format) {
        std::array<char, 64> text{};
        return std::string{text.data(), std::strftime(text.data(), text.size(), format, &local)};
    };
    constexpr long nanoseconds = 1'000'000;
    return exact ? fmt::format("{}.{:03}{}", formatted("%FT%T"), now.tv_nsec / nanoseconds,
                               formatted("%z"))
                 : formatted("%H:%M:%S");
}

/// Shows the routes each time anew until `show` says that it can't, or nobody is there to see them.
template <typename Show>
void look_again_and_again(const RoutesView& view, milliseconds interval, Show show) {
    for (;;) {
        const auto next = Clock::now() + interval;
        Routes routes = view.look();
        if (!show(routes) || !wait_while_heard(next))
            return;
    }
}

class ScreenWatch {
public:
    ScreenWatch(const RoutesView& routes, TextStyle style, milliseconds interval)
        : routes_{routes}, style_{style}, interval_{interval} {
        style_.marks = true;
    }

    /// Until q is typed (true), or nothing can be shown any more.
    bool run() {
        for (;;) {
            const auto next = Clock::now() + interval_;
            const ScreenText text = look();
            do {
                if (!terminal_.show(view_.paint(text, terminal_.size())))
                    return false;
                for (const Key key : keys_in(terminal_.wait(next))) {
                    if (key == Key::quit)
                        return true;
                    view_.move(key);
                }
            } while (Clock::now() < next);
        }
    }

private:
    ScreenText look() {
        Routes routes = routes_.look();
        marks_.update(routes);
        return {state_line(routes, style_.colour), routes_.below(routes, style_),
                fmt::format("{}, every {}, {}", time_now(false), format_duration(interval_),
                            terminal_.has_keys() ? "q ends, arrows scroll" : "Ctrl-C ends")};
    }

    const RoutesView& routes_;
    TextStyle style_;
    milliseconds interval_;
    ChangeMarks marks_;
    ScreenView view_;
    Terminal terminal_;
};

void watch_in_lines(const RoutesView& view, TextStyle style, milliseconds interval) {
    ChangeMarks marks;
    look_again_and_again(view, interval, [&](Routes& routes) {
        const std::string time = time_now(true);
        std::string text;
        for (const std::string& change : marks.update(routes))
            text += fmt::format("{} {}\n", time, change);
        if (marks.is_news(routes))
            text += fmt::format("{} {}\n", time, state_line(routes, style.colour));
        return write_out(text);
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
        return ScreenWatch{view, style, *line.watch}.run() ? 0
                                                           : static_cast<int>(RouteState::unknown);
    else
        watch_in_lines(view, style, *line.watch);
    return static_cast<int>(RouteState::unknown);
}
