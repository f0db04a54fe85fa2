#pragma once

#include <algorithm>
#include <chrono>
#include <ctime>
#include <optional>

namespace checkpg {

/// Durations of this program: timeouts, intervals, delays.
using std::chrono::milliseconds;

/// The limits of every timeout a site may set.
inline constexpr milliseconds shortest_timeout{1};
inline constexpr milliseconds longest_timeout{60'000};

/// The timeout, or nothing if a site may not set it.
constexpr std::optional<milliseconds>
allowed_timeout(std::optional<milliseconds> timeout) noexcept {
    return timeout && shortest_timeout <= *timeout && *timeout <= longest_timeout ? timeout
                                                                                  : std::nullopt;
}

/// A moment on the monotonic clock by which something must have ended. Made once and handed on,
/// so that steps share one budget instead of each having its own.
class Deadline {
public:
    using Clock = std::chrono::steady_clock;

    explicit Deadline(Clock::time_point when) noexcept : when_{when} {}

    /// The deadline this long from now.
    static Deadline in(Clock::duration span) noexcept { return Deadline{Clock::now() + span}; }

    /// The earlier of two deadlines.
    friend Deadline earlier(Deadline a, Deadline b) noexcept {
        return Deadline{std::min(a.when_, b.when_)};
    }

    Clock::time_point when() const noexcept { return when_; }

    /// What is left, never negative.
    Clock::duration remaining() const noexcept {
        return std::max(when_ - Clock::now(), Clock::duration::zero());
    }

    bool passed() const noexcept { return Clock::now() >= when_; }

private:
    Clock::time_point when_;
};

/// The same span as ppoll(2) wants it.
inline timespec as_timespec(Deadline::Clock::duration span) noexcept {
    const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(span).count();
    return {.tv_sec = nanoseconds / 1'000'000'000, .tv_nsec = nanoseconds % 1'000'000'000};
}

} // namespace checkpg
