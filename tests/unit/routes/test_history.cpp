#include "haproxy_logs.hpp"
#include "routes/history.hpp"
#include "routes/history_json.hpp"
#include "routes/history_text.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace checkpg;
using namespace std::chrono_literals;
using Texts = std::vector<std::string>;

namespace {

WallTime at(std::chrono::milliseconds after) {
    return WallTime{std::chrono::sys_days{std::chrono::year{2026} / 11 / 26}} + after;
}

History history_of(const std::string& text, std::optional<WallTime> since = {}) {
    return conclude_history(log_of(text), {false, "log", std::nullopt, long_after()}, since);
}

/// Of HAProxy's ring, if it was started at midnight and it is 10 minutes past now.
History ring_of(const std::string& text) {
    return conclude_history(log_of(text), {true, "checkpg", at(0s), at(10min)}, {});
}

/// A ring's lines, `seconds` past midnight.
class Ring {
public:
    Ring& line(double seconds, const std::string& text) {
        const auto milliseconds = static_cast<std::int64_t>(seconds * 1000);
        text_ +=
            fmt::format("<5>2026-11-26T00:{:02}:{:02}.{:03}000+00:00 {}\n", milliseconds / 60'000,
                        milliseconds / 1000 % 60, milliseconds % 1000, text);
        return *this;
    }

    Ring& down(double seconds, const std::string& server, int code, int left,
               const std::string& backend = "PostgresReadWrite-backend") {
        return line(seconds, fmt::format("Server {}/{} is DOWN, reason: External check error, "
                                         "code: {}, check duration: 7ms. {} active and 0 backup "
                                         "servers left. 0 sessions active",
                                         backend, server, code, left));
    }

    Ring& up(double seconds, const std::string& server,
             const std::string& backend = "PostgresReadWrite-backend") {
        return line(seconds, fmt::format("Server {}/{} is UP, reason: External check passed, code: "
                                         "0, check duration: 1ms. 1 active and 0 backup servers "
                                         "online.",
                                         backend, server));
    }

    const std::string& text() const { return text_; }

private:
    std::string text_;
};

/// "server role UP reason (before)"
Texts rows_of(const History& history) {
    Texts rows;
    for (const HistoryRow& row : history.rows) {
        if (row.server.empty())
            rows.emplace_back(row.kind == HistoryRow::Kind::process_begins ? "begins" : "ends");
        else
            rows.push_back(fmt::format(
                "{} {} {} {}{}", row.server, row.role == BackendRole::read_write ? "rw" : "ro",
                row.kind == HistoryRow::Kind::up ? "UP" : "DOWN", row.reason,
                row.former_duration ? fmt::format(" ({} ms)", row.former_duration->count()) : ""));
    }
    return rows;
}

Texts failovers_of(const History& history) {
    Texts all;
    for (const Failover& one : history.failovers)
        all.push_back(fmt::format("{} -> {}, {} ms", one.from, one.to, one.length().count()));
    return all;
}

Texts gaps_of(const History& history) {
    Texts all;
    for (const WithoutPrimary& one : history.without_primary)
        all.push_back(fmt::format("{} {}, {} ms, {}", one.left, one.reason,
                                  one.end ? std::to_string((*one.end - one.begin).count()) : "?",
                                  one.took_over));
    return all;
}

} // namespace

TEST_CASE("a failover, in every form of HAProxy's log") {
    for (const char* name : {"ring-2.2", "ring-2.6", "ring-3.0", "rfc5424", "journal", "syslog"}) {
        INFO(name);
        const History history = history_of(captured_log(name));
        Texts rows = rows_of(history);
        std::erase_if(rows, [](const std::string& row) { return row == "begins"; });
        for (std::string& row : rows)
            row = row.substr(0, row.find(" ("));
        REQUIRE(rows.size() > 13);
        std::sort(rows.begin(), rows.begin() + 6); // first checks come in any order
        rows.resize(13);
        CHECK(rows == Texts{"db1.example.com ro DOWN primary", "db1.example.com rw UP primary",
                            "db2.example.com ro UP standby", "db2.example.com rw DOWN standby",
                            "db3.example.com ro UP standby", "db3.example.com rw DOWN standby",
                            "db1.example.com rw DOWN unreachable", "db2.example.com rw UP primary",
                            "db2.example.com ro DOWN primary", "db1.example.com ro UP standby",
                            "db3.example.com ro DOWN standby not fit",
                            "db3.example.com ro UP standby",
                            "db3.example.com ro DOWN in maintenance"});
        REQUIRE(history.failovers.size() == 1);
        const Failover& failover = history.failovers.front();
        CHECK(failover.from == "db1.example.com");
        CHECK(failover.to == "db2.example.com");
        CHECK(failover.length() >= 1s);
        CHECK(failover.length() < 2s);
        REQUIRE(!history.without_primary.empty());
        CHECK(history.without_primary.front().reason == "unreachable");
        CHECK(history.without_primary.front().end == failover.took_over);
    }
}

TEST_CASE("a reload is told, and what the new process finds out again is not") {
    const Texts rows = rows_of(history_of(captured_log("journal")));
    REQUIRE(rows.size() == 19);
    CHECK(rows[0] == "begins");
    CHECK(rows[15] == "ends");
    CHECK(rows[16] == "begins");
    CHECK(rows[17].starts_with("db1.example.com rw DOWN standby ("));
    CHECK(rows[18].starts_with("db2.example.com rw DOWN internal error ("));
}

TEST_CASE("maintenance, drain and the command line") {
    const History history = history_of(captured_log("ring-administration"));
    CHECK(failovers_of(history) == Texts{"db1.example.com -> db2, 1329 ms"});
    // The last one's weight was 0: nothing went there, which HAProxy's log does not say.
    CHECK(gaps_of(history) == Texts{"db1.example.com unreachable, 1329 ms, db2",
                                    "db2 in maintenance, 1091 ms, db2",
                                    "db2 in maintenance, 544 ms, db2", " unreachable, ? ms, "});
}

TEST_CASE("HAProxy's start is no failover") {
    Ring ring;
    ring.down(0.1, "db2", 1, 2).down(0.2, "db3", 2, 1);
    CHECK(failovers_of(ring_of(ring.text())).empty());
    CHECK(gaps_of(ring_of(ring.text())).empty());
    ring.down(0.3, "db1", 1, 0).up(5, "db1");
    CHECK(failovers_of(ring_of(ring.text())).empty());
    CHECK(gaps_of(ring_of(ring.text())) == Texts{" standby, 4700 ms, db1"});
}

TEST_CASE("the last server that was up was the primary, though it was never seen to come up") {
    Ring ring;
    ring.down(100, "db1", 2, 0).up(101.5, "db2");
    CHECK(failovers_of(ring_of(ring.text())) == Texts{"db1 -> db2, 1500 ms"});
    Ring of_role;
    of_role.down(100, "db1", 1, 0).up(101.5, "db2");
    CHECK(failovers_of(ring_of(of_role.text())).empty());
    CHECK(gaps_of(ring_of(of_role.text())) == Texts{" standby, 1500 ms, db2"});
}

TEST_CASE("a primary that comes back is no failover") {
    Ring ring;
    ring.up(20, "db1").down(100, "db1", 5, 0).up(103, "db1");
    CHECK(failovers_of(ring_of(ring.text())).empty());
    CHECK(gaps_of(ring_of(ring.text())) == Texts{"db1 not ready, 3000 ms, db1"});
}

TEST_CASE("two servers that were up at once") {
    Ring ring;
    ring.up(20, "db1").up(100, "db2").down(100.4, "db1", 1, 1);
    const History history = ring_of(ring.text());
    CHECK(failovers_of(history) == Texts{"db1 -> db2, 0 ms"});
    CHECK(gaps_of(history).empty());
    CHECK(history_lines(history, false).at(4).starts_with("failover:   db1 -> db2, both were up"));
}

TEST_CASE("a standby whose maintenance ends was no primary") {
    const std::string server = "Server PostgresReadWrite-backend/db3 ";
    Ring ring;
    ring.up(20, "db1").down(21, "db3", 1, 1);
    ring.line(30, server + "was DOWN and now enters maintenance.");
    ring.line(40, server + "is UP/READY (leaving forced maintenance).");
    ring.down(40.5, "db3", 1, 1);
    CHECK(failovers_of(ring_of(ring.text())).empty());
    ring.down(50, "db1", 2, 0);
    ring.line(60, server + "is going DOWN for maintenance. 0 active and 0 backup servers left.");
    ring.line(61, server + "is UP/READY (leaving forced maintenance).");
    ring.down(61.5, "db3", 1, 0).up(70, "db2");
    CHECK(failovers_of(ring_of(ring.text())) == Texts{"db1 -> db2, 20000 ms"});
}

TEST_CASE("no primary until now, or to the end of the log") {
    Ring ring;
    ring.up(20, "db1").down(300, "db1", 2, 0);
    ring.line(300.1, "backend PostgresReadWrite-backend has no server available!");
    const History history = ring_of(ring.text());
    CHECK(gaps_of(history) == Texts{"db1 unreachable, ? ms, "});
    const Texts lines = history_lines(history, false);
    CHECK(lines.at(4).starts_with("no primary: 5m00s until now, from "));
    CHECK(lines.at(4).ends_with(": db1: unreachable"));
    CHECK(history_lines(history_of(ring.text()), false)
              .at(4)
              .find(" to the end of the log: db1: unreachable") != std::string::npos);
}

TEST_CASE("a server that stays down for another reason") {
    Ring ring;
    ring.down(20, "db2", 1, 1).down(50, "db2", 2, 1).down(51, "db2", 2, 1).up(60, "db2");
    CHECK(rows_of(ring_of(ring.text())) == Texts{"db2 rw DOWN standby",
                                                 "db2 rw DOWN unreachable (30000 ms)",
                                                 "db2 rw UP primary (40000 ms)"});
    CHECK(history_lines(ring_of(ring.text()), false).at(2).ends_with("standby for 30.0 s"));
}

TEST_CASE("what was before --since is known, and not shown") {
    Ring ring;
    ring.up(20, "db1").down(100, "db1", 2, 0).up(102, "db2").down(300, "db2", 2, 0);
    const History history = history_of(ring.text(), at(200s));
    CHECK(rows_of(history) == Texts{"db2 rw DOWN unreachable (198000 ms)"});
    CHECK(failovers_of(history).empty());
    CHECK(gaps_of(history) == Texts{"db2 unreachable, ? ms, "});
    CHECK(failovers_of(history_of(ring.text(), at(101s))).size() == 1);
}

TEST_CASE("several rings' lines come in their order") {
    Ring late;
    Ring early;
    late.down(100, "db1", 2, 0);
    early.up(20, "db1").up(101, "db2");
    CHECK(failovers_of(ring_of(late.text() + early.text())) == Texts{"db1 -> db2, 1000 ms"});
}

TEST_CASE("the text says where the history begins") {
    const History empty = ring_of("");
    const Texts lines = history_lines(empty, false);
    REQUIRE(lines.size() == 3);
    CHECK(lines[0] == "failover:   none");
    CHECK(lines[1] == "no primary: at no time");
    CHECK(lines[2].starts_with("note:       HAProxy's ring 'checkpg' is empty; HAProxy was started "
                               "or reloaded at "));
    const History other = history_of("2026-11-26T15:02:51Z Server crm/app1 is DOWN.");
    CHECK(history_lines(other, false).at(3) ==
          "note:       nothing is about a backend that is named; there is: crm");
}

TEST_CASE("no line of the text has what a terminal would obey") {
    const History history =
        history_of("2026-11-26T15:02:51Z Server PostgresReadWrite-backend/d\x1b[31mb is DOWN via "
                   "a\x07/b.\n2026-11-26T15:02:51Z Server c\x1b/d is DOWN.");
    for (const std::string& line : history_lines(history, true))
        CHECK(line.find_first_of("\x1b\x07") == std::string::npos);
}

TEST_CASE("verbose has the backend and HAProxy's own words, those of the check too") {
    const Texts lines = history_lines(history_of(captured_log("ring-2.6")), true);
    CHECK(lines.at(0).ends_with("BACKEND                    HAPROXY"));
    CHECK(lines.at(7).find("code: 2, check duration: 0ms, status: 0/1 DOWN. Server "
                           "PostgresReadWrite-backend/db1.example.com is DOWN. 0 active") !=
          std::string::npos);
}

TEST_CASE("the history as JSON") {
    Ring ring;
    ring.up(20, "db1").down(100, "db1", 2, 0).up(102, "db2");
    const auto json = nlohmann::json::parse(to_json(ring_of(ring.text())));
    CHECK(json["schema"] == 1);
    CHECK(json["state"] == "ok");
    CHECK(json["summary"].is_null());
    CHECK(json["events"].size() == 3);
    const auto& event = json["events"][1];
    CHECK(event["server"] == "db1");
    CHECK(event["role"] == "read-write");
    CHECK(event["state"] == "down");
    CHECK(event["reason"] == "unreachable");
    CHECK(event["former_state"] == "up");
    CHECK(event["former_milliseconds"] == 80'000);
    CHECK(json["failovers"][0]["from"] == "db1");
    CHECK(json["failovers"][0]["milliseconds"] == 2000);
    CHECK(json["without_primary"][0]["took_over"] == "db2");
    const auto unknown = nlohmann::json::parse(unknown_history_json("no ring"));
    CHECK(unknown["state"] == "unknown");
    CHECK(unknown["summary"] == "no ring");
    CHECK(unknown["events"].empty());
    CHECK(unknown["begins"].is_null());
}
