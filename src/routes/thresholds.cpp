#include "routes/thresholds.hpp"

#include <algorithm>
#include <charconv>

namespace checkpg {

namespace {

/// Nothing if the text is no decimal number.
std::optional<double> number_in(std::string_view text) noexcept {
    double number = 0;
    const char* const end = text.data() + text.size();
    const auto result = std::from_chars(text.data(), end, number, std::chars_format::fixed);
    const bool digits_only = text.find_first_not_of("-.0123456789") == std::string_view::npos;
    if (result.ec != std::errc{} || result.ptr != end || !digits_only)
        return std::nullopt;
    return number;
}

} // namespace

bool AlertRange::alerts(std::int64_t value) const noexcept {
    const auto exact = static_cast<double>(value);
    const bool within = exact >= low.value_or(exact) && exact <= high.value_or(exact);
    return within == inside;
}

std::optional<AlertRange> parse_alert_range(std::string_view text) {
    AlertRange range{std::string{text}, 0.0, std::nullopt, text.starts_with('@')};
    if (range.inside)
        text.remove_prefix(1);
    const auto colon = text.find(':');
    if (colon != std::string_view::npos) {
        const auto start = text.substr(0, colon);
        range.low = start == "~" ? std::nullopt : number_in(start);
        if (!range.low && start != "~")
            return std::nullopt;
        text.remove_prefix(colon + 1);
        if (text.empty())
            return range;
    }
    range.high = number_in(text);
    if (!range.high || *range.high < range.low.value_or(*range.high))
        return std::nullopt;
    return range;
}

bool Thresholds::add(std::string_view text) {
    const auto equals = std::min(text.find('='), text.size());
    const auto* const name =
        std::find(measure_names.begin(), measure_names.end(), text.substr(0, equals));
    if (name == measure_names.end() || equals == text.size())
        return false;
    const auto range = parse_alert_range(text.substr(equals + 1));
    ranges_[static_cast<std::size_t>(name - measure_names.begin())] = range;
    return range.has_value();
}

} // namespace checkpg
