#pragma once

#include "base/deadline.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace checkpg {

/// "800ms", "1.5s", "2min", "1h", "1d": a non-negative number and one of PostgreSQL's time units
/// (manual, section 20.1.1), a space between them allowed; a bare number is milliseconds. Rounded
/// to whole milliseconds. Nothing if the text is anything else or longer than a year.
std::optional<milliseconds> parse_duration(std::string_view text) noexcept;

/// The same, but a bare number is seconds: as for pg_isready, on a command line.
std::optional<milliseconds> parse_seconds(std::string_view text);

/// "16MB", "512 kB", "1GB": a whole number of bytes with PostgreSQL's memory units (B, kB, MB,
/// GB, TB; powers of 1024; case matters); a bare number is bytes. Nothing if it is anything else
/// or doesn't fit.
std::optional<std::uint64_t> parse_size(std::string_view text) noexcept;

/// "on", "off", "true", "false", "yes", "no", "1", "0", in any case, as in postgresql.conf.
std::optional<bool> parse_boolean(std::string_view text) noexcept;

/// A TCP port, 1 to 65535, decimal digits only.
std::optional<std::uint16_t> parse_port(std::string_view text) noexcept;

/// 1500 as "1500ms" and 2000 as "2s": the shortest exact form, readable by parse_duration().
std::string format_duration(milliseconds duration);

/// 16777216 as "16MB": the shortest exact form, readable by parse_size().
std::string format_size(std::uint64_t bytes);

/// "767 ms", "13.4 s", "12m47s", "3h05m", "2d04h": what was measured, for people; not negative.
std::string rough_duration(milliseconds duration);
/// The same of what is known by the second: "13s".
std::string rough_duration(std::chrono::seconds duration);
/// "4.2 ms", "13.42 s": when a step was done, to be compared with the next.
std::string fine_duration(std::chrono::duration<double, std::milli> duration);

/// "512 B", "3.1 MB": what was measured, for people.
std::string rough_size(std::uint64_t bytes);

} // namespace checkpg
