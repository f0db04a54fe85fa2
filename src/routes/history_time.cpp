#include "routes/history_time.hpp"

#include "base/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <ctime>

namespace checkpg {

namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr bool is_digit(char c) noexcept { return '0' <= c && c <= '9'; }

/// Takes text from its front, as long as it is what is asked for; what isn't stays.
class Taker {
public:
    explicit Taker(std::string_view text) noexcept : text_{text} {}

    std::string_view rest() const noexcept { return text_; }

    bool one_of(std::string_view characters) noexcept {
        if (text_.empty() || characters.find(text_.front()) == std::string_view::npos)
            return false;
        text_.remove_prefix(1);
        return true;
    }

    /// So many digits, or so many at most.
    std::optional<std::int64_t> number(std::size_t least, std::size_t most) noexcept {
        std::size_t count = 0;
        std::int64_t value = 0;
        while (count < most && count < text_.size() && is_digit(text_[count]))
            value = value * 10 + (text_[count++] - '0');
        if (count < least)
            return std::nullopt;
        text_.remove_prefix(count);
        return value;
    }

    std::string_view word() noexcept {
        const auto word = text_.substr(0, text_.find(' '));
        text_.remove_prefix(std::min(word.size() + 1, text_.size()));
        return word;
    }

private:
    std::string_view text_;
};

struct Clock {
    milliseconds of_day{0};
    bool precise = false;
};

std::optional<std::chrono::year_month_day> take_date(Taker& taker) {
    const auto year = taker.number(4, 4);
    if (!year || *year < 1970 || !taker.one_of("-"))
        return std::nullopt;
    const auto month = taker.number(2, 2);
    if (!month || !taker.one_of("-"))
        return std::nullopt;
    const auto day = taker.number(2, 2);
    if (!day)
        return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(*year)},
                                           std::chrono::month{static_cast<unsigned>(*month)},
                                           std::chrono::day{static_cast<unsigned>(*day)}};
    return date.ok() ? std::optional{date} : std::nullopt;
}

/// Parts of a second, as many digits as there are: milliseconds count.
std::optional<milliseconds> take_fraction(Taker& taker) {
    constexpr std::size_t most = 9;
    const auto digits = taker.rest().find_first_not_of("0123456789");
    const auto count = std::min(digits, taker.rest().size());
    auto value = taker.number(1, most);
    if (!value)
        return std::nullopt;
    for (std::size_t i = count; i < 3; ++i)
        *value *= 10;
    for (std::size_t i = std::min(count, most); i > 3; --i)
        *value /= 10;
    return milliseconds{*value};
}

enum class Seconds { wanted, optional };

std::optional<Clock> take_clock(Taker& taker, Seconds how) {
    const auto hour = taker.number(2, 2);
    if (!hour || *hour > 23 || !taker.one_of(":"))
        return std::nullopt;
    const auto minute = taker.number(2, 2);
    if (!minute || *minute > 59)
        return std::nullopt;
    Clock clock{hours{*hour} + minutes{*minute}, false};
    if (!taker.one_of(":"))
        return how == Seconds::optional ? std::optional{clock} : std::nullopt;
    const auto second = taker.number(2, 2);
    if (!second || *second > 60) // a leap second
        return std::nullopt;
    clock.of_day += seconds{*second};
    if (taker.one_of(".,")) {
        const auto fraction = take_fraction(taker);
        if (!fraction)
            return std::nullopt;
        clock.of_day += *fraction;
        clock.precise = true;
    }
    return clock;
}

/// "Z", "+01:00", "+0100" or "+01"; nothing if no zone is there.
std::optional<minutes> take_zone(Taker& taker) {
    if (taker.one_of("Z"))
        return minutes{0};
    const bool west = taker.rest().starts_with('-');
    if (!taker.one_of("+-"))
        return std::nullopt;
    const auto hour = taker.number(2, 2);
    taker.one_of(":");
    const auto minute = taker.number(2, 2);
    const minutes offset = hours{hour.value_or(0)} + minutes{minute.value_or(0)};
    return west ? -offset : offset;
}

WallTime in_zone(std::chrono::year_month_day date, Clock clock, minutes offset) {
    return WallTime{std::chrono::sys_days{date}} + clock.of_day - offset;
}

WallTime in_local_zone(std::chrono::year_month_day date, Clock clock) {
    const auto of_day = std::chrono::floor<seconds>(clock.of_day);
    std::tm local{};
    local.tm_year = static_cast<int>(date.year()) - 1900;
    local.tm_mon = static_cast<int>(static_cast<unsigned>(date.month())) - 1;
    local.tm_mday = static_cast<int>(static_cast<unsigned>(date.day()));
    local.tm_sec = static_cast<int>(of_day.count());
    local.tm_isdst = -1;
    return WallTime{seconds{std::mktime(&local)}} + (clock.of_day - of_day);
}

std::tm local_calendar(WallTime time) {
    const std::time_t moment = std::chrono::floor<seconds>(time).time_since_epoch().count();
    std::tm local{};
    ::localtime_r(&moment, &local);
    return local;
}

std::chrono::year_month_day local_date(WallTime time) {
    const std::tm local = local_calendar(time);
    return std::chrono::year{local.tm_year + 1900} /
           std::chrono::month{static_cast<unsigned>(local.tm_mon + 1)} /
           std::chrono::day{static_cast<unsigned>(local.tm_mday)};
}

StampedLine stamped(WallTime time, Clock clock, Taker& taker) {
    taker.one_of(" ");
    return {time, clock.precise, false, taker.rest()};
}

/// "2026-03-01T03:12:04.318456+01:00", also with a blank between, and without fraction or zone.
std::optional<StampedLine> iso_stamp(Taker taker) {
    const auto date = take_date(taker);
    if (!date || !taker.one_of("T "))
        return std::nullopt;
    const auto clock = take_clock(taker, Seconds::wanted);
    if (!clock)
        return std::nullopt;
    const auto zone = take_zone(taker);
    return stamped(zone ? in_zone(*date, *clock, *zone) : in_local_zone(*date, *clock), *clock,
                   taker);
}

/// "Sun 2026-03-01 03:12:04 CET", which is local unless it says UTC.
std::optional<StampedLine> full_stamp(Taker taker) {
    if (taker.word().size() != 3)
        return std::nullopt;
    const auto date = take_date(taker);
    if (!date || !taker.one_of(" "))
        return std::nullopt;
    const auto clock = take_clock(taker, Seconds::wanted);
    if (!clock || !taker.one_of(" "))
        return std::nullopt;
    const auto zone = taker.word();
    return stamped(zone == "UTC" ? in_zone(*date, *clock, minutes{0})
                                 : in_local_zone(*date, *clock),
                   *clock, taker);
}

/// "1772331124.318456": seconds since 1970.
std::optional<StampedLine> unix_stamp(Taker taker) {
    constexpr std::size_t digits = 10;
    const auto whole = taker.number(digits, digits);
    if (!whole || !taker.one_of("."))
        return std::nullopt;
    const auto fraction = take_fraction(taker);
    if (!fraction)
        return std::nullopt;
    return stamped(WallTime{seconds{*whole}} + *fraction, {{}, true}, taker);
}

std::optional<std::chrono::month> take_month(Taker& taker) {
    constexpr std::array<std::string_view, 12> names{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto* const found = std::find(names.begin(), names.end(), taker.word());
    if (found == names.end())
        return std::nullopt;
    return std::chrono::month{static_cast<unsigned>(found - names.begin()) + 1};
}

/// "Mar  1 03:12:04"
std::optional<StampedLine> bsd_stamp(Taker taker, WallTime now) {
    const auto month = take_month(taker);
    if (!month)
        return std::nullopt;
    taker.one_of(" ");
    const auto day = taker.number(1, 2);
    if (!day || !taker.one_of(" "))
        return std::nullopt;
    const auto clock = take_clock(taker, Seconds::wanted);
    if (!clock)
        return std::nullopt;
    const std::chrono::day of_month{static_cast<unsigned>(*day)};
    // Clocks differ, so a time may be somewhat ahead. The 29th of February is up to 8 years ago.
    const auto this_year = local_date(now + days{1}).year();
    for (auto year = this_year; year > this_year - std::chrono::years{9}; --year) {
        const std::chrono::year_month_day date{year, *month, of_month};
        if (!date.ok())
            continue;
        const WallTime time = in_local_zone(date, *clock);
        if (time <= now + days{1})
            return stamped(time, *clock, taker);
    }
    return std::nullopt;
}

/// "<133>" before the time; and a "1 " behind it, which is rfc5424's version.
bool take_priority(Taker& taker) {
    if (!taker.one_of("<"))
        return false;
    taker.number(1, 3);
    taker.one_of(">");
    if (!taker.rest().starts_with("1 "))
        return false;
    taker.word();
    return true;
}

std::optional<WallTime> last_time_of_day(Clock clock, WallTime now) {
    const WallTime today = in_local_zone(local_date(now), clock);
    if (today <= now)
        return today;
    return in_local_zone(std::chrono::sys_days{local_date(now)} - days{1}, clock);
}

} // namespace

std::optional<StampedLine> read_stamp(std::string_view line, WallTime now) {
    Taker taker{line};
    const bool rfc5424 = take_priority(taker);
    auto stamp = iso_stamp(taker);
    if (!stamp)
        stamp = bsd_stamp(taker, now);
    if (!stamp)
        stamp = full_stamp(taker);
    if (!stamp)
        stamp = unix_stamp(taker);
    if (stamp)
        stamp->rfc5424 = rfc5424;
    return stamp;
}

std::optional<WallTime> parse_since(std::string_view text, WallTime now) {
    Taker day_time{text};
    if (const auto clock = take_clock(day_time, Seconds::optional);
        clock && day_time.rest().empty())
        return last_time_of_day(*clock, now);
    Taker taker{text};
    if (const auto date = take_date(taker)) {
        if (taker.rest().empty())
            return in_local_zone(*date, {});
        const auto clock = taker.one_of("T ") ? take_clock(taker, Seconds::optional) : std::nullopt;
        if (!clock)
            return std::nullopt;
        const auto zone = take_zone(taker);
        if (!taker.rest().empty())
            return std::nullopt;
        return zone ? in_zone(*date, *clock, *zone) : in_local_zone(*date, *clock);
    }
    const auto span = parse_seconds(text);
    return span ? std::optional{now - *span} : std::nullopt;
}

std::string local_time(WallTime time, bool precise) {
    const std::tm local = local_calendar(time);
    std::array<char, 64> text{};
    std::string result{text.data(),
                       std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &local)};
    if (precise)
        result += fmt::format(".{:03}", (time - std::chrono::floor<seconds>(time)).count());
    return result;
}

std::string iso_time(WallTime time) {
    std::string text = local_time(time, true);
    text[text.find(' ')] = 'T';
    const auto offset =
        std::chrono::duration_cast<minutes>(seconds{local_calendar(time).tm_gmtoff}).count();
    return text + fmt::format("{}{:02}:{:02}", offset < 0 ? '-' : '+', std::abs(offset) / 60,
                              std::abs(offset) % 60);
}

} // namespace checkpg
