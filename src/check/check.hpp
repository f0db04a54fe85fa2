#pragma once

#include "check/settings.hpp"
#include "check/verdict.hpp"

namespace checkpg {

/// A finished check.
struct Check {
    Answer server;
    std::vector<Peer> asked; ///< the peers that were asked, in the order of their answers
    PeerAnswers peers;
    Verdict verdict;
    /// By hand: how old the connection is that a keeper has; none if there is no such keeper.
    std::optional<milliseconds> kept_for;
};

/// Asks the server of the settings until the deadline and judges its answer. If it must be the
/// primary, says so and has peers, all of them are asked at once; of a standby that lost its WAL
/// receiver, if the settings want that. A standby that seems stale is looked at again.
Check check_server(Role wanted, const Settings& settings, Deadline deadline);

} // namespace checkpg
