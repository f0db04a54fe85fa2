#pragma once

#include "check/failure.hpp"
#include "check/server_state.hpp"
#include "check/settings.hpp"
#include "check/tls_handshake.hpp"

#include <optional>
#include <string_view>

/// Who objects to a primary: the table of docs/split-brain.md, and the only place for the rule that
/// two primaries of which neither is known to be the right one are none. Closed by default: what
/// stands in no table here has shown nothing, and a peer that has shown nothing leaves no verdict.
/// Nothing here does I/O or knows a clock.
namespace checkpg {

/// What the answer of a peer, or that there is none, means for a server that calls itself primary.
enum class PeerFinding {
    not_asked, ///< this machine could not ask or could not hear it
    unheard,   ///< there was no time to hear it out
    silent,    ///< no answer, though we listened all its time
    no_answer, ///< unreachable, or it refused us, or made no sense: not known to be a primary
    standby,
    same_instance,        ///< the very server, under another name or through a proxy
    older_primary,        ///< of the same cluster, on a lower timeline
    equal_primary,        ///< of the same cluster, on the same timeline
    newer_primary,        ///< of the same cluster, on a higher timeline
    foreign_primary,      ///< a primary of another cluster: a node set up anew, or a wrong list
    unidentified_primary, ///< a primary that doesn't say of which cluster
};

/// What one peer's finding leaves of "primary".
enum class Objection {
    no_verdict, ///< nobody knows: internal (70)
    no_time,    ///< nobody knows yet: timed out (3)
    none,
    split_brain, ///< 7
};

/// What a connection that gave no answer had come to.
struct Breakdown {
    std::string_view sqlstate; ///< the server's, empty if it gave none
    bool connected = false;    ///< the other side had accepted the connection
    /// Of connect(2) or socket(2) while it was not yet connected, of recv(2) or send(2) later; 0 is
    /// an end of file then. None: no system call failed, or it isn't known which error it had.
    std::optional<int> error;
    bool short_of_memory = false;
    int status = 0; ///< a ConnStatusType: what libpq was about to do when it gave up
    char tls_reply = '\0';
    TlsEnd tls = TlsEnd::none;
};

/// What the other side has shown by that.
Sign sign_of(const Breakdown& seen) noexcept;

/// What a look-up that ended with this code of getaddrinfo(3), and without an address, has shown.
Sign sign_of_look_up(int error) noexcept;

/// What a peer that gave no state is, by what it has shown.
PeerFinding peer_finding(Sign sign) noexcept;

/// What a peer in this state is for the primary with this identity.
PeerFinding peer_finding(const Identity& primary, const ServerState& peer) noexcept;

/// Whether that is an objection.
Objection objection_of(SplitBrain policy, PeerFinding finding) noexcept;

/// The finding in a few words, for people.
std::string_view words(PeerFinding finding) noexcept;

} // namespace checkpg
