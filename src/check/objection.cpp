#include "check/objection.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <cerrno>
#include <netdb.h>

namespace checkpg {

namespace {

/// What connect(2) and the attempt that it began say where the network or the other host does: a
/// packet with a reset, an ICMP message (net/ipv4/icmp.c and net/ipv6/icmp.c of Linux, where they
/// become errors), no route, or nobody who has that address. All else is ours: EACCES and EPERM
/// (SELinux, BPF), ENETDOWN (the interface), EADDRNOTAVAIL and EAGAIN (no port or address to
/// connect from), EMFILE, ENFILE, ENOMEM and ENOBUFS, an address that makes no sense here.
Sign sign_of_connect(int error) noexcept {
    switch (error) {
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENONET:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case EPROTO:
    case ETIMEDOUT:
        return Sign::refused;
    default:
        return Sign::none;
    }
}

/// How an accepted connection can end without our doing. 0 is an end of file.
Sign sign_of_end(int error) noexcept {
    switch (error) {
    case 0:
    case ECONNRESET:
    case ECONNREFUSED:
    case EPIPE:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENONET:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case EPROTO:
        return Sign::closed;
    default:
        return Sign::none;
    }
}

/// Every error of a server is its own word, whatever its class: that of appendix A or of an
/// extension. Classes 00, 01 and 02 are no errors.
Sign sign_of_sqlstate(std::string_view sqlstate) noexcept {
    const std::string_view its_class = sqlstate.substr(0, 2);
    if (sqlstate.size() != 5 || its_class == "00" || its_class == "01" || its_class == "02")
        return Sign::absurd;
    return Sign::refused;
}

Sign sign_of_tls(const Breakdown& seen) noexcept {
    if (seen.tls_reply == 'N')
        return Sign::refused; // and sslmode demands TLS
    if (seen.tls_reply != 'S')
        return Sign::absurd;
    switch (seen.tls) {
    case TlsEnd::refused_by_us:
    case TlsEnd::refused_by_server:
        return Sign::refused;
    case TlsEnd::broken:
        return Sign::absurd;
    case TlsEnd::none: // libpq reads our certificate files only now
    case TlsEnd::not_started:
        break;
    }
    return Sign::none;
}

/// libpq gave up by itself, on a connection that still stands.
Sign sign_of_giving_up(const Breakdown& seen) noexcept {
    switch (seen.status) {
    case CONNECTION_SSL_STARTUP:
        return sign_of_tls(seen);
    case CONNECTION_AWAITING_RESPONSE: // a log-in that we can't do, or no message of PostgreSQL
    case CONNECTION_AUTH_OK:
    case CONNECTION_OK:
        return Sign::absurd;
    default:
        return Sign::none;
    }
}

} // namespace

/// Not even an SQLSTATE counts while memory is out: under sslmode=prefer libpq asks once more
/// without TLS when that fails, and may be refused for it.
Sign sign_of(const Breakdown& seen) noexcept {
    if (seen.short_of_memory)
        return Sign::none;
    if (!seen.sqlstate.empty())
        return sign_of_sqlstate(seen.sqlstate);
    if (!seen.connected)
        return seen.error ? sign_of_connect(*seen.error) : Sign::none;
    return seen.error ? sign_of_end(*seen.error) : sign_of_giving_up(seen);
}

/// EAI_AGAIN is no word of a name server's: none answered, or none could.
Sign sign_of_look_up(int error) noexcept {
    switch (error) {
    case EAI_NONAME:
    case EAI_NODATA:
        return Sign::refused;
    default:
        return Sign::none;
    }
}

PeerFinding peer_finding(Sign sign) noexcept {
    switch (sign) {
    case Sign::refused:
    case Sign::closed:
    case Sign::absurd:
        return PeerFinding::no_answer;
    case Sign::silence:
        return PeerFinding::silent;
    case Sign::no_time:
        return PeerFinding::unheard;
    case Sign::none:
        break;
    }
    return PeerFinding::not_asked;
}

PeerFinding peer_finding(const Identity& primary, const ServerState& peer) noexcept {
    if (peer.in_recovery)
        return PeerFinding::standby;
    if (!peer.identity)
        return PeerFinding::unidentified_primary;
    const Identity& other = *peer.identity;
    if (primary.same_instance(other))
        return PeerFinding::same_instance;
    if (!primary.same_cluster(other))
        return PeerFinding::foreign_primary;
    if (other.timeline == primary.timeline)
        return PeerFinding::equal_primary;
    return other.timeline < primary.timeline ? PeerFinding::older_primary
                                             : PeerFinding::newer_primary;
}

Objection objection_of(SplitBrain policy, PeerFinding finding) noexcept {
    switch (finding) {
    case PeerFinding::silent:
    case PeerFinding::no_answer:
    case PeerFinding::standby:
    case PeerFinding::same_instance:
        return Objection::none;
    case PeerFinding::older_primary:
        return policy == SplitBrain::newest_timeline ? Objection::none : Objection::split_brain;
    case PeerFinding::equal_primary:
    case PeerFinding::newer_primary:
    case PeerFinding::foreign_primary:
    case PeerFinding::unidentified_primary:
        return Objection::split_brain;
    case PeerFinding::unheard:
        return Objection::no_time;
    case PeerFinding::not_asked:
        break;
    }
    return Objection::no_verdict;
}

std::string_view words(PeerFinding finding) noexcept {
    switch (finding) {
    case PeerFinding::not_asked:
        return "not asked";
    case PeerFinding::unheard:
        return "not heard out";
    case PeerFinding::silent:
        return "silent";
    case PeerFinding::no_answer:
        return "without an answer";
    case PeerFinding::standby:
        return "a standby";
    case PeerFinding::same_instance:
        return "this very server";
    case PeerFinding::older_primary:
        return "primary too, on an older timeline";
    case PeerFinding::equal_primary:
        return "primary too, on the same timeline";
    case PeerFinding::newer_primary:
        return "primary too, on a newer timeline";
    case PeerFinding::foreign_primary:
        return "primary of another cluster";
    case PeerFinding::unidentified_primary:
        return "primary too, of an unknown cluster";
    }
    return "unknown";
}

} // namespace checkpg
