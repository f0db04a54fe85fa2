#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace checkpg {

/// A range as the guidelines for monitoring plugins have it: 10, 10:, ~:10, 10:20, @10:20.
struct AlertRange {
    std::string text; ///< as it was given
    std::optional<double> low;
    std::optional<double> high;
    bool inside = false; ///< what lies in it is trouble, not what lies outside

    /// Whether this value is trouble.
    bool alerts(std::int64_t value) const noexcept;
};

/// Nothing if the text is no range, or its end lies before its start.
std::optional<AlertRange> parse_alert_range(std::string_view text);

/// What a range can be given for, in the order of the performance data.
enum class Measure : std::size_t { standbys, sessions_read_write, sessions_read_only, queued };

/// The names of the measures: in an option, and in the performance data.
inline constexpr std::array<std::string_view, 4> measure_names{"standbys", "sessions_read_write",
                                                               "sessions_read_only", "queued"};

/// The ranges given for one state; a measure without one has no such trouble.
class Thresholds {
public:
    const std::optional<AlertRange>& of(Measure measure) const noexcept {
        return ranges_[static_cast<std::size_t>(measure)];
    }

    /// Takes in "standbys=2:"; the last one for a measure counts. False if it is none.
    bool add(std::string_view text);

private:
    std::array<std::optional<AlertRange>, measure_names.size()> ranges_;
};

} // namespace checkpg
