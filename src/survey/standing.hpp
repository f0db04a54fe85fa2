#pragma once

#include "check/probe.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace checkpg {

/// A server of the named backends and what it said when it was asked.
struct SurveyedServer {
    std::string name;
    std::string asked; ///< the address and port that were asked, which checkpg.conf may say
    std::string user;  ///< the role that asked
    std::vector<std::string> backends; ///< whose checks ask it so
    bool gets_writes = false;
    bool gets_reads = false;
    bool is_fallback = false; ///< in those read-only backends that use it, for want of others
    bool in_trouble = false;  ///< HAProxy knows that something is wrong with it
    Answer answer;

    bool is_primary() const noexcept {
        return answer.state() != nullptr && !answer.state()->in_recovery;
    }
    bool is_standby() const noexcept {
        return answer.state() != nullptr && answer.state()->in_recovery;
    }
    /// Both are one instance, reached in two ways; only of servers that answered.
    bool is_same_as(const SurveyedServer& other) const noexcept;
};

/// How a server stands beside the primary. What can't be known is not set.
struct Standing {
    std::optional<std::uint32_t> timeline;
    /// Bytes up to what the primary has written or, if none answered, to the most that a standby
    /// has.
    std::optional<std::uint64_t> receive_lag;
    std::optional<std::uint64_t> replay_lag;
};

/// "read-write", "read-only", "both" or "nowhere": what HAProxy sends it.
std::string routed_words(const SurveyedServer& server);

/// The servers that answered as primaries, each instance once.
std::vector<const SurveyedServer*> primaries_of(const std::vector<SurveyedServer>& servers);

/// The one from whose position the lag of this one is counted; null if that can't be told: several
/// servers say they are the primary, or there is no other.
const SurveyedServer* leader_of(const SurveyedServer& standby,
                                const std::vector<SurveyedServer>& servers);

/// The server beside the one primary of its cluster. Of a primary only the timeline.
Standing standing_of(const SurveyedServer& server, const std::vector<SurveyedServer>& servers);

} // namespace checkpg
