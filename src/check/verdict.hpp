#pragma once

#include "base/exit_code.hpp"
#include "check/invocation.hpp"
#include "check/probe.hpp"
#include "check/settings.hpp"

#include <string>
#include <vector>

namespace checkpg {

/// The outcome of a check: the exit code and, in a few words, why.
struct Verdict {
    ExitCode code = ExitCode::internal;
    std::string reason;
};

/// What the other servers answered, when a primary was to be told from others, or a standby without
/// a WAL receiver wanted to know whether there is one.
struct PeerAnswers {
    std::vector<Answer> answers;
    /// They had less than their peer-timeout, or we had no time to hear them all.
    bool cut_short = false;
};

/// What a peer's answer means for a server that calls itself primary.
enum class PeerFinding {
    silent,    ///< no answer in time
    no_answer, ///< unreachable, or it refused us, or made no sense: not known to be a primary
    not_asked, ///< this machine could not: no memory, no file descriptor, no readable key
    standby,
    same_instance,   ///< the very server, under another name or through a proxy
    older_primary,   ///< of the same cluster, on a lower timeline
    equal_primary,   ///< of the same cluster, on the same timeline
    newer_primary,   ///< of the same cluster, on a higher timeline
    foreign_primary, ///< a primary of another cluster: a node set up anew, or a wrong list
};

/// What the answer of a peer means for the primary with this identity.
PeerFinding peer_finding(const Identity& primary, const Answer& peer);

/// The finding in a few words, for people.
std::string_view words(PeerFinding finding) noexcept;

/// Judges a server's answer and, for a primary, those of its peers. Does no I/O and knows no
/// clock: the same answers give the same verdict. The only place for the rule that two
/// primaries of which neither is known to be the right one are none.
Verdict judge(Role wanted, const Demands& demands, const Answer& server, const PeerAnswers& peers);

} // namespace checkpg
