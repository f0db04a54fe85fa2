#include "haproxy_logs.hpp"
#include "routes/history_log.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>

using namespace checkpg;
using Kind = LogEvent::Kind;

namespace {

const std::string writers = "PostgresReadWrite-backend";
const std::string tail = " 0 sessions active, 0 requeued, 0 remaining in queue.";

/// The one event of a ring's line with this text.
LogEvent event_of(const std::string& text) {
    const HaproxyLog log = log_of("<5>2026-11-26T15:02:51.315256+00:00 " + text);
    REQUIRE(log.events.size() == 1);
    return log.events.front();
}

LogEvent server_event(const std::string& what) {
    return event_of("Server PostgresReadWrite-backend/db1.example.com " + what);
}

std::size_t count_of(const std::string& line) { return log_of(line).events.size(); }

} // namespace

TEST_CASE("a server that goes down, with the code's words") {
    const auto event =
        server_event("is DOWN, reason: External check error, code: 2, check duration: 7ms. 0 "
                     "active and 0 backup servers left." +
                     tail);
    CHECK(event.kind == Kind::down);
    CHECK(event.backend == writers);
    CHECK(event.role == BackendRole::read_write);
    CHECK(event.server == "db1.example.com");
    CHECK(event.reason == "unreachable");
    CHECK_FALSE(event.by_role);
    CHECK(event.left == 0);
    CHECK(event.process == 0);
}

TEST_CASE("the other role is named by the backend") {
    const std::string reason = "db1 is DOWN, reason: External check error, code: 1, check "
                               "duration: 7ms. 2 active and 1 backup servers left." +
                               tail;
    const auto standby = event_of("Server PostgresReadWrite-backend/" + reason);
    CHECK(standby.reason == "standby");
    CHECK(standby.by_role);
    CHECK(standby.left == 3);
    CHECK(event_of("Backup Server PostgresReadOnly-backend/" + reason).reason == "primary");
}

TEST_CASE("what HAProxy itself met") {
    const auto reason = [](const std::string& text) {
        return server_event("is DOWN, reason: " + text + ". 0 active and 0 backup servers left.")
            .reason;
    };
    CHECK(reason("External check timeout, code: 2, check duration: 302ms") ==
          "check took too long (PROCTOUT)");
    CHECK(reason("External check error, code: 255, check duration: 1ms") ==
          "check can't be executed");
    CHECK(reason("External check error, code: -1, check duration: 1ms") == "check was killed");
    CHECK(reason("Layer4 connection problem, info: \"Connection refused. 7 active and 7 x\", check "
                 "duration: 0ms") == "can't connect (L4CON)");
    CHECK(reason("Socket error, info: \"Resource temporarily unavailable\", check duration: 0ms") ==
          "HAProxy can't fork, see insecure-fork-wanted (SOCKERR)");
    CHECK(reason("Something new, check duration: 0ms") == "Something new");
}

TEST_CASE("the servers that are left are counted at the line's end") {
    CHECK(server_event("is DOWN, reason: Layer4 connection problem, info: \"7 active and 7 x\", "
                       "check duration: 0ms. 1 active and 0 backup servers left." +
                       tail)
              .left == 1);
    CHECK_FALSE(server_event("is DOWN").left);
    CHECK_FALSE(server_event("is DOWN. x active and 0 backup").left);
}

TEST_CASE("a server that comes up") {
    const auto event = server_event("is UP, reason: External check passed, code: 0, check "
                                    "duration: 1ms. 1 active and 0 backup servers online. 0 "
                                    "sessions requeued, 0 total in queue.");
    CHECK(event.kind == Kind::up);
    CHECK(event.reason == "primary");
    CHECK_FALSE(event.unchecked);
    const auto by_hand = server_event("is UP, changed from CLI. 2 active and 0 backup servers "
                                      "online. 0 sessions requeued, 0 total in queue.");
    CHECK(by_hand.reason == "changed from CLI");
    CHECK(by_hand.unchecked);
    CHECK(server_event("is UP. 1 active and 0 backup servers online.").reason.empty());
    CHECK(server_event("is DOWN via a/b. 0 active and 0 backup servers left.").reason == "via a/b");
}

TEST_CASE("maintenance and drain") {
    const auto down = [](const std::string& what) {
        const auto event = server_event(what);
        CHECK(event.kind == Kind::down);
        return event.reason;
    };
    CHECK(down("is going DOWN for maintenance. 0 active and 0 backup servers left." + tail) ==
          "in maintenance");
    CHECK(down("is going DOWN for maintenance (No IP for server ). 0 active and 0 backup servers "
               "left.") == "in maintenance (No IP for server )");
    CHECK(down("was DOWN and now enters maintenance.") == "in maintenance");
    CHECK(down("enters drain state.") == "draining");
    CHECK(down("is UP/DRAIN (leaving forced maintenance).") == "draining");
    CHECK(down("is DOWN/READY (leaving forced maintenance).") == "down");
    CHECK(down("is stopping. 1 active and 0 backup servers online.") ==
          "finishing its sessions (NOLB)");
    const auto ready = server_event("is UP/READY (leaving forced maintenance).");
    CHECK(ready.kind == Kind::up);
    CHECK(ready.unchecked);
    CHECK(ready.reason == "maintenance ended");
    CHECK(server_event("('db1.example.com') is UP/READY (resolves again).").kind == Kind::up);
    const auto drained = server_event("is UP (leaving forced drain).");
    CHECK(drained.kind == Kind::up);
    CHECK_FALSE(drained.unchecked);
}

TEST_CASE("a check's report") {
    const auto failed = event_of("Health check for server PostgresReadWrite-backend/db1 failed, "
                                 "reason: External check error, code: 4, check duration: 25ms, "
                                 "status: 1/2 UP.");
    CHECK(failed.kind == Kind::check_failed);
    CHECK(failed.status_up);
    CHECK(failed.reason == "access denied");
    const auto passed = event_of("Health check for backup server PostgresReadOnly-backend/db1 "
                                 "succeeded, reason: External check passed, code: 0, check "
                                 "duration: 25ms, status: 1/2 DOWN.");
    CHECK(passed.kind == Kind::check_passed);
    CHECK_FALSE(passed.status_up);
    CHECK(passed.reason == "standby");
}

TEST_CASE("whoever wrote the line down") {
    const std::string text = "backend PostgresReadWrite-backend has no server available!";
    const auto process = [&](const std::string& beginning) {
        const HaproxyLog log = log_of(beginning + text);
        REQUIRE(log.events.size() == 1);
        CHECK(log.events[0].kind == Kind::backend_empty);
        CHECK(log.events[0].text == text);
        return log.events[0].process;
    };
    CHECK(process("<0>2026-11-26T15:02:51.315256+00:00 ") == 0);
    CHECK(process("2026-11-26T15:02:51.315256+00:00 ") == 0);
    CHECK(process("<128>1 2026-11-26T15:02:51.315256+00:00 - haproxy 12589 - - ") == 12589);
    CHECK(process("<128>Nov 26 15:02:51 localhost haproxy[12589]: ") == 12589);
    CHECK(process("<128>Nov 26 15:02:51 haproxy[12589]: ") == 12589);
    CHECK(process("Nov 26 15:02:51 router1 haproxy: ") == 0);
    CHECK(process("2026-11-26T15:02:51+0000 router1 haproxy[1]: [ALERT]    (12589) : ") == 12589);
    CHECK(process("Nov 26 15:02:51 router1 haproxy[1]: [ALERT] 329/150251 (12589) : ") == 12589);
}

TEST_CASE("what others wrote is passed over") {
    const std::string down = "Server PostgresReadWrite-backend/db1 is DOWN.";
    CHECK(count_of("Nov 26 15:02:51 router1 haproxy[1]: " + down) == 1);
    // Somebody's request, and somebody else's words
    CHECK(count_of("Nov 26 15:02:51 router1 haproxy[1]: 192.0.2.1 \"GET " + down + "\"") == 0);
    CHECK(count_of("Nov 26 15:02:51 router1 sshd[1]: no user " + down) == 0);
    CHECK(count_of("Nov 26 15:02:51 router1 a b c: " + down) == 0);
    CHECK(count_of(down) == 0);
    for (const char* what : {"is", "is MAINT", "remains in forced drain mode.",
                             "is leaving forced maintenance but remains in maintenance.",
                             "administratively READY thanks to valid DNS answer."})
        CHECK(count_of("2026-11-26T15:02:51Z Server PostgresReadWrite-backend/db1 " +
                       std::string{what}) == 0);
    for (const char* text : {"Server ", "Server /", "Server a/ is DOWN", "Server a b/c is DOWN",
                             "Server PostgresReadWrite-backend/ is DOWN", "Proxy ", "backend ",
                             "Health check for server PostgresReadWrite-backend/db1 failed",
                             "New worker () forked", "New worker (0) forked", "New worker (x"})
        CHECK(count_of("2026-11-26T15:02:51Z " + std::string{text}) == 0);
}

TEST_CASE("backends that are not named are told") {
    const HaproxyLog log = log_of("2026-11-26T15:02:51Z Server crm/app1 is DOWN.\n"
                                  "2026-11-26T15:02:52Z Server crm/app2 is DOWN.\n"
                                  "2026-11-26T15:02:53Z Proxy web stopped (cumulated ...).\n");
    CHECK(log.events.empty());
    CHECK(log.other_backends == std::vector<std::string>{"crm"});
}

TEST_CASE("a new process is one that was not seen before") {
    const HaproxyLog log = log_of(captured_log("syslog"));
    std::vector<std::string> processes;
    for (const LogEvent& event : log.events)
        if (event.kind == Kind::process_begins || event.kind == Kind::process_ends)
            processes.push_back(event.kind == Kind::process_begins ? "begins" : "ends");
    CHECK(processes == std::vector<std::string>{"ends", "begins"});
    CHECK_FALSE(log.precise);
}

TEST_CASE("the log's own span is known") {
    const HaproxyLog log = log_of(captured_log("ring-2.6"));
    REQUIRE(log.begins);
    CHECK(log.precise);
    CHECK(*log.ends - *log.begins == std::chrono::milliseconds{25'392});
    CHECK(log.events.size() == 30);
}

TEST_CASE("garbage is no event") {
    std::string bytes;
    for (int i = 0; i < 4096; ++i)
        bytes += static_cast<char>(i * 7919 >> 4);
    const HaproxyLog log = log_of(bytes);
    CHECK(log.events.empty());
    CHECK_FALSE(log.begins);
    CHECK(log.lines);
    CHECK_FALSE(log_of("\n\n").lines);
}
