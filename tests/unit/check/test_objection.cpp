#include "check/objection.hpp"

#include <catch2/catch_test_macros.hpp>
#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <netdb.h>
#include <string>
#include <vector>

using checkpg::Breakdown;
using checkpg::Identity;
using checkpg::Objection;
using checkpg::objection_of;
using checkpg::peer_finding;
using checkpg::PeerFinding;
using checkpg::ServerState;
using checkpg::Sign;
using checkpg::sign_of;
using checkpg::sign_of_look_up;
using checkpg::SplitBrain;
using checkpg::TlsEnd;

namespace {

constexpr int last_error = 133; // EHWPOISON

constexpr std::array every_finding{PeerFinding::not_asked,
                                   PeerFinding::unheard,
                                   PeerFinding::silent,
                                   PeerFinding::no_answer,
                                   PeerFinding::standby,
                                   PeerFinding::same_instance,
                                   PeerFinding::older_primary,
                                   PeerFinding::equal_primary,
                                   PeerFinding::newer_primary,
                                   PeerFinding::foreign_primary,
                                   PeerFinding::unidentified_primary};

bool contains(const std::vector<int>& list, int value) {
    return std::find(list.begin(), list.end(), value) != list.end();
}

Breakdown before_connected(int error) {
    Breakdown seen;
    seen.error = error;
    seen.status = CONNECTION_STARTED;
    return seen;
}

/// libpq gave up by itself in this state.
Breakdown gave_up(int status) {
    Breakdown seen;
    seen.connected = true;
    seen.status = status;
    return seen;
}

Breakdown tls(char reply, TlsEnd end) {
    Breakdown seen = gave_up(CONNECTION_SSL_STARTUP);
    seen.tls_reply = reply;
    seen.tls = end;
    return seen;
}

ServerState primary(const Identity& identity) {
    ServerState state;
    state.identity = identity;
    return state;
}

const Identity ours{"7", 100, 2};

} // namespace

TEST_CASE("nothing known is no verdict") {
    CHECK(sign_of({}) == Sign::none);
    CHECK(checkpg::Failure{}.sign == Sign::none);
    CHECK(peer_finding(Sign::none) == PeerFinding::not_asked);
    CHECK(PeerFinding{} == PeerFinding::not_asked);
    CHECK(objection_of(SplitBrain::refuse, PeerFinding{}) == Objection::no_verdict);
    CHECK(Objection{} == Objection::no_verdict);
    constexpr int unknown = 1000;
    CHECK(objection_of(SplitBrain::refuse, static_cast<PeerFinding>(unknown)) ==
          Objection::no_verdict);
    CHECK(peer_finding(static_cast<Sign>(unknown)) == PeerFinding::not_asked);
}

TEST_CASE("every error of connect and socket has its place") {
    const std::vector<int> theirs{ECONNREFUSED, ECONNRESET, ECONNABORTED, EHOSTUNREACH,
                                  ENETUNREACH,  EHOSTDOWN,  ENONET,       ENOPROTOOPT,
                                  EOPNOTSUPP,   EPROTO,     ETIMEDOUT};
    for (int error = 0; error <= last_error; ++error) {
        INFO(error);
        CHECK(sign_of(before_connected(error)) ==
              (contains(theirs, error) ? Sign::refused : Sign::none));
    }
    for (const int ours_alone : {EACCES, EPERM, EAGAIN, EADDRNOTAVAIL, EADDRINUSE, ENOBUFS, ENOMEM,
                                 EMFILE, ENFILE, EAFNOSUPPORT, EINVAL, EINTR})
        CHECK(!contains(theirs, ours_alone));
    Breakdown no_error;
    no_error.status = CONNECTION_STARTED; // an address that can't be formed
    CHECK(sign_of(no_error) == Sign::none);
}

TEST_CASE("every error of recv and send has its place") {
    const std::vector<int> ends{0,         ECONNRESET,   ECONNREFUSED, EPIPE,
                                ETIMEDOUT, EHOSTUNREACH, ENETUNREACH,  EHOSTDOWN,
                                ENONET,    ENOPROTOOPT,  EOPNOTSUPP,   EPROTO};
    for (int error = 0; error <= last_error; ++error)
        for (const int status : {CONNECTION_MADE, CONNECTION_AWAITING_RESPONSE, CONNECTION_AUTH_OK,
                                 CONNECTION_SSL_STARTUP, CONNECTION_OK}) {
            INFO(error);
            Breakdown seen = gave_up(status);
            seen.error = error;
            CHECK(sign_of(seen) == (contains(ends, error) ? Sign::closed : Sign::none));
        }
}

TEST_CASE("every SQLSTATE is the server's own word") {
    // The classes of the manual's appendix A, and one of an extension's.
    for (const std::string its_class :
         {"03", "08", "09", "0A", "0B", "0F", "0L", "0P", "0Z", "20", "21", "22", "23", "24",
          "25", "26", "27", "28", "2B", "2D", "2F", "34", "38", "39", "3B", "3D", "3F", "40",
          "42", "44", "53", "54", "55", "57", "58", "72", "F0", "HV", "P0", "XX", "ZZ"}) {
        INFO(its_class);
        const std::string sqlstate = its_class + "000";
        Breakdown seen;
        seen.sqlstate = sqlstate;
        CHECK(sign_of(seen) == Sign::refused);
    }
    for (const char* const no_error : {"00000", "01000", "02000", "57P0", "57P033"}) {
        Breakdown seen;
        seen.sqlstate = no_error;
        CHECK(sign_of(seen) == Sign::absurd);
    }
}

TEST_CASE("every state in which libpq gives up by itself has its place") {
    const std::vector<int> absurd{CONNECTION_AWAITING_RESPONSE, CONNECTION_AUTH_OK, CONNECTION_OK};
    constexpr int beyond_all = 20;
    for (int status = 0; status <= beyond_all; ++status) {
        if (status == CONNECTION_SSL_STARTUP)
            continue;
        INFO(status);
        CHECK(sign_of(gave_up(status)) == (contains(absurd, status) ? Sign::absurd : Sign::none));
    }
}

TEST_CASE("a TLS connection that ends has shown something unless the fault is in our files") {
    for (const TlsEnd end : {TlsEnd::none, TlsEnd::not_started, TlsEnd::refused_by_us,
                             TlsEnd::refused_by_server, TlsEnd::broken})
        CHECK(sign_of(tls('N', end)) == Sign::refused);
    CHECK(sign_of(tls('S', TlsEnd::none)) == Sign::none);
    CHECK(sign_of(tls('S', TlsEnd::not_started)) == Sign::none);
    CHECK(sign_of(tls('S', TlsEnd::refused_by_us)) == Sign::refused);
    CHECK(sign_of(tls('S', TlsEnd::refused_by_server)) == Sign::refused);
    CHECK(sign_of(tls('S', TlsEnd::broken)) == Sign::absurd);
    CHECK(sign_of(tls('H', TlsEnd::none)) == Sign::absurd);
}

TEST_CASE("while memory is out nothing is shown") {
    for (const int status : {CONNECTION_SSL_STARTUP, CONNECTION_AWAITING_RESPONSE, CONNECTION_OK}) {
        Breakdown seen = gave_up(status);
        seen.tls_reply = 'S';
        seen.tls = TlsEnd::broken;
        seen.short_of_memory = true;
        CHECK(sign_of(seen) == Sign::none);
        seen.error = 0;
        CHECK(sign_of(seen) == Sign::none);
        seen.sqlstate = "28000"; // of an attempt without TLS, after one with it failed
        CHECK(sign_of(seen) == Sign::none);
        seen.connected = false;
        seen.sqlstate = {};
        seen.error = ECONNREFUSED;
        CHECK(sign_of(seen) == Sign::none);
    }
}

TEST_CASE("every end of a look-up has its place") {
    for (int error = -120; error <= 0; ++error) {
        INFO(error);
        CHECK(sign_of_look_up(error) ==
              (error == EAI_NONAME || error == EAI_NODATA ? Sign::refused : Sign::none));
    }
}

TEST_CASE("every sign is a finding") {
    CHECK(peer_finding(Sign::no_time) == PeerFinding::unheard);
    CHECK(peer_finding(Sign::silence) == PeerFinding::silent);
    for (const Sign sign : {Sign::refused, Sign::closed, Sign::absurd})
        CHECK(peer_finding(sign) == PeerFinding::no_answer);
}

TEST_CASE("a peer's state is a finding") {
    ServerState standby;
    standby.in_recovery = true;
    CHECK(peer_finding(ours, standby) == PeerFinding::standby);
    CHECK(peer_finding(ours, ServerState{}) == PeerFinding::unidentified_primary);
    CHECK(peer_finding(ours, primary(ours)) == PeerFinding::same_instance);
    CHECK(peer_finding(ours, primary({"7", 200, 1})) == PeerFinding::older_primary);
    CHECK(peer_finding(ours, primary({"7", 200, 2})) == PeerFinding::equal_primary);
    CHECK(peer_finding(ours, primary({"7", 200, 3})) == PeerFinding::newer_primary);
    CHECK(peer_finding(ours, primary({"8", 100, 2})) == PeerFinding::foreign_primary);
}

TEST_CASE("a machine cloned with its memory is another server once the timelines part") {
    CHECK(peer_finding(ours, primary({"7", 100, 1})) == PeerFinding::older_primary);
    CHECK(peer_finding(ours, primary({"7", 100, 3})) == PeerFinding::newer_primary);
}

TEST_CASE("every finding is an objection, none, or leaves no verdict") {
    for (const PeerFinding finding : every_finding) {
        INFO(words(finding));
        const bool older = finding == PeerFinding::older_primary;
        Objection expected = Objection::split_brain;
        if (finding == PeerFinding::not_asked)
            expected = Objection::no_verdict;
        else if (finding == PeerFinding::unheard)
            expected = Objection::no_time;
        else if (finding <= PeerFinding::same_instance)
            expected = Objection::none;
        CHECK(objection_of(SplitBrain::refuse, finding) == expected);
        CHECK(objection_of(SplitBrain::newest_timeline, finding) ==
              (older ? Objection::none : expected));
    }
}

TEST_CASE("every finding has words of its own") {
    std::vector<std::string_view> all;
    for (const PeerFinding finding : every_finding)
        all.push_back(words(finding));
    std::sort(all.begin(), all.end());
    CHECK(std::adjacent_find(all.begin(), all.end()) == all.end());
    CHECK(words(PeerFinding::same_instance) == "this very server");
}
