#include "base/units.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

namespace checkpg {

namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

using Units = std::array<Unit, 5>;

constexpr Units time_units{
    {{"ms", 1}, {"s", 1000}, {"min", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};

constexpr std::uint64_t kibi = 1024;
constexpr Units size_units{{{"B", 1},
                            {"kB", kibi},
                            {"MB", kibi* kibi},
                            {"GB", kibi* kibi* kibi},
                            {"TB", kibi* kibi* kibi* kibi}}};

constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

std::string_view without_leading_blanks(std::string_view text) noexcept {
    const auto start = text.find_first_not_of(" \t");
    return start == std::string_view::npos ? std::string_view{} : text.substr(start);
}

std::optional<std::uint64_t> factor_of(std::string_view name, const Units& units) noexcept {
    if (name.empty())
        return units.front().factor;
    for (const Unit& unit : units)
        if (unit.name == name)
            return unit.factor;
    return std::nullopt;
}

/// The number at the start of `text` and what follows it; nothing unless it starts with a digit.
template <typename Number, typename... Format>
std::optional<std::pair<Number, std::string_view>> leading_number(std::string_view text,
                                                                  Format... format) noexcept {
    Number number{};
    if (text.empty() || !is_digit(text.front()))
        return std::nullopt;
    const char* const end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, number, format...);
    if (result.ec != std::errc{})
        return std::nullopt;
    const auto used = static_cast<std::size_t>(result.ptr - text.data());
    return std::pair{number, without_leading_blanks(text.substr(used))};
}

std::string format_with(std::uint64_t amount, const Units& units) {
    const Unit* best = &units.front();
    for (const Unit& unit : units)
        if (amount != 0 && amount % unit.factor == 0)
            best = &unit;
    return fmt::format("{}{}", amount / best->factor, best->name);
}

/// `word` is in lower case.
bool same_word(std::string_view text, std::string_view word) noexcept {
    if (text.size() != word.size())
        return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool capital = text[i] >= 'A' && text[i] <= 'Z';
        if ((capital ? static_cast<char>(text[i] + ('a' - 'A')) : text[i]) != word[i])
            return false;
    }
    return true;
}

} // namespace

std::optional<milliseconds> parse_duration(std::string_view text) noexcept {
    const auto number = leading_number<double>(text, std::chars_format::fixed);
    if (!number)
        return std::nullopt;
    const auto factor = factor_of(number->second, time_units);
    if (!factor)
        return std::nullopt;
    const double amount = std::round(number->first * static_cast<double>(*factor));
    constexpr double year = 366.0 * 86'400'000;
    if (amount > year)
        return std::nullopt;
    return milliseconds{static_cast<milliseconds::rep>(amount)};
}

std::optional<milliseconds> parse_seconds(std::string_view text) {
    const bool bare = text.find_first_not_of("0123456789.") == std::string_view::npos;
    return bare ? parse_duration(fmt::format("{}s", text)) : parse_duration(text);
}

std::optional<std::uint64_t> parse_size(std::string_view text) noexcept {
    const auto number = leading_number<std::uint64_t>(text);
    if (!number)
        return std::nullopt;
    const auto factor = factor_of(number->second, size_units);
    if (!factor || number->first > std::numeric_limits<std::uint64_t>::max() / *factor)
        return std::nullopt;
    return number->first * *factor;
}

std::optional<bool> parse_boolean(std::string_view text) noexcept {
    for (const std::string_view word : {"on", "true", "yes", "1"})
        if (same_word(text, word))
            return true;
    for (const std::string_view word : {"off", "false", "no", "0"})
        if (same_word(text, word))
            return false;
    return std::nullopt;
}

std::optional<std::uint16_t> parse_port(std::string_view text) noexcept {
    const auto number = leading_number<std::uint16_t>(text);
    if (!number || number->first == 0 || !number->second.empty() || !is_digit(text.back()))
        return std::nullopt;
    return number->first;
}

std::string format_duration(milliseconds duration) {
    return format_with(static_cast<std::uint64_t>(duration.count()), time_units);
}

std::string format_size(std::uint64_t bytes) { return format_with(bytes, size_units); }

std::string rough_duration(milliseconds duration) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
    const auto rest = (duration - seconds).count();
    if (seconds.count() < 1)
        return fmt::format("{} ms", rest);
    if (seconds.count() < 60)
        return fmt::format("{}.{} s", seconds.count(), rest / 100);
    return rough_duration(seconds);
}

std::string rough_duration(std::chrono::seconds duration) {
    constexpr std::int64_t minute = 60;
    constexpr std::int64_t hour = 60 * minute;
    constexpr std::int64_t day = 24 * hour;
    const std::int64_t seconds = duration.count();
    if (seconds < minute)
        return fmt::format("{}s", seconds);
    if (seconds < hour)
        return fmt::format("{}m{:02}s", seconds / minute, seconds % minute);
    if (seconds < day)
        return fmt::format("{}h{:02}m", seconds / hour, seconds % hour / minute);
    return fmt::format("{}d{:02}h", seconds / day, seconds % day / hour);
}

std::string fine_duration(std::chrono::duration<double, std::milli> duration) {
    constexpr double second = 999.95; // what would be rounded to one
    return duration.count() < second ? fmt::format("{:.1f} ms", duration.count())
                                     : fmt::format("{:.2f} s", duration.count() / 1000);
}

std::string rough_size(std::uint64_t bytes) {
    const Unit* best = &size_units.front();
    for (const Unit& unit : size_units)
        if (bytes >= unit.factor)
            best = &unit;
    if (best->factor == 1)
        return fmt::format("{} {}", bytes, best->name);
    return fmt::format("{:.1f} {}", static_cast<double>(bytes) / static_cast<double>(best->factor),
                       best->name);
}

} // namespace checkpg
