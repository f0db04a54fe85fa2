#pragma once

#include "check/check.hpp"

#include <string>

namespace checkpg {

/// What a report tells about.
struct CheckReport {
    std::string_view program;
    Role wanted;
    const Invocation& invocation;
    const Settings& settings;
    const Check& check;
    Deadline::Clock::time_point begun; ///< the program's start; times are counted from it
    Deadline::Clock::time_point ended; ///< when the verdict stood

    double milliseconds_until(Deadline::Clock::time_point when) const;
    /// What the peer is beside the server; only for peers asked, so of a server that answered.
    PeerFinding finding(std::size_t peer) const;
};

/// "streaming", "not streaming".
std::string_view words(Receiver receiver) noexcept;

/// 150018 as "15.18".
std::string version_words(int server_version);

/// One line: "db1 (192.0.2.11:5432): standby, not primary".
std::string summary(const CheckReport& report);

/// The check step by step with times, one line each, the summary last. Ends with a newline.
std::string story(const CheckReport& report);

/// The same as one JSON object; checkpgprimary(1) documents its keys. No line feed at its end.
std::string to_json(const CheckReport& report);

} // namespace checkpg
