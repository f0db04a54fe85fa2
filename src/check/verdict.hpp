#pragma once

#include "base/exit_code.hpp"
#include "check/invocation.hpp"
#include "check/objection.hpp"
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

/// What the other servers answered, when a primary was to be told from others.
using PeerAnswers = std::vector<Answer>;

/// Whether something has waited on this standby for longer than allowed.
bool is_too_late(const Demands& demands, const Replay& replay) noexcept;

/// What the answer of a peer, or that there is none, is for the primary with this identity.
PeerFinding finding_of(const Identity& primary, const Answer& peer) noexcept;

/// Judges a server's answer and, for a primary, those of its peers. Does no I/O and knows no
/// clock: the same answers give the same verdict. Who objects to a primary: objection.hpp.
Verdict judge(Role wanted, const Demands& demands, const Answer& server, const PeerAnswers& peers);

} // namespace checkpg
