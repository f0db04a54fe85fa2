#include "routes/prometheus.hpp"
#include "stat_tables.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace checkpg;

namespace {

const RouteRules rules{{"rw"}, {"ro"}, 90};

std::string metrics_of(std::vector<StatRow> rows) {
    return to_prometheus(conclude(std::move(rows), rules));
}

bool has_line(const std::string& text, const std::string& line) {
    return ('\n' + text).find('\n' + line + '\n') != std::string::npos;
}

} // namespace

TEST_CASE("metrics say what HAProxy routes where") {
    const std::string text = metrics_of(small_cluster());
    for (const char* line :
         {"# TYPE checkpg_up gauge", "checkpg_up 1", "checkpg_state 1", "checkpg_primaries 1",
          "checkpg_standbys 1", R"(checkpg_server_role{server="db1",role="primary"} 1)",
          R"(checkpg_server_role{server="db2",role="neither"} 1)",
          R"(checkpg_server_role{server="db3",role="standby"} 1)", "checkpg_no_primary_seconds 0",
          R"(checkpg_sessions{role="read-write"} 7)", R"(checkpg_sessions{role="read-only"} 0)",
          R"(checkpg_sessions_most{role="read-write"} 135)", "checkpg_queued 0",
          R"(checkpg_server_serving{server="db1",backend="rw",role="read-write"} 1)",
          R"(checkpg_server_serving{server="db2",backend="rw",role="read-write"} 0)",
          R"(checkpg_server_check_code{server="db2",backend="rw",role="read-write"} 4)",
          R"(checkpg_server_changed_seconds{server="db1",backend="rw",role="read-write"} 11520)",
          R"(checkpg_server_sessions{server="db1",backend="rw",role="read-write"} 7)"}) {
        CAPTURE(text, line);
        CHECK(has_line(text, line));
    }
}

TEST_CASE("each metric is explained once, before its samples") {
    const std::string text = metrics_of(small_cluster());
    std::vector<std::string> seen;
    std::string name;
    for (std::size_t begin = 0; begin < text.size();) {
        const auto end = text.find('\n', begin);
        const std::string line = text.substr(begin, end - begin);
        begin = end + 1;
        if (line.starts_with("# HELP ")) {
            name = line.substr(7, line.find(' ', 7) - 7);
            CHECK(std::count(seen.begin(), seen.end(), name) == 0);
            seen.push_back(name);
        } else if (!line.starts_with('#')) {
            CHECK(line.substr(0, line.find_first_of("{ ")) == name);
        }
    }
    CHECK(text.ends_with('\n'));
}

TEST_CASE("without a primary they say for how long") {
    auto rows = small_cluster();
    rows[1].status = "DOWN";
    rows[1].check_status = "PROCERR";
    rows[1].check_code = 2;
    rows[3].status = "DOWN";
    rows[3].since_change = 185;
    const std::string text = metrics_of(rows);
    CHECK(has_line(text, "checkpg_primaries 0"));
    CHECK(has_line(text, "checkpg_no_primary_seconds 185"));
    CHECK(has_line(text, "checkpg_state 2"));
}

TEST_CASE("of several processes each has its own samples") {
    auto rows = small_cluster();
    for (StatRow& row : rows)
        row.process = 1;
    const auto first = rows;
    for (StatRow row : first) {
        row.process = 2;
        rows.push_back(row);
    }
    const std::string text = metrics_of(rows);
    for (const char* process : {"1", "2"})
        CHECK(has_line(text, std::string{R"(checkpg_server_serving{server="db1",backend="rw",)"} +
                                 R"(role="read-write",process=")" + process + "\"} 1"));
}

TEST_CASE("a name can't break a metric's line") {
    auto rows = small_cluster();
    rows[2].server = "a\"b\\c\nd";
    CHECK(
        has_line(metrics_of(rows), R"(checkpg_server_role{server="a\"b\\c?d",role="neither"} 1)"));
}

TEST_CASE("unknown is told by one metric") {
    CHECK(to_prometheus(unknown_routes("nobody")) ==
          "# HELP checkpg_up Whether HAProxy answered on its stats socket.\n"
          "# TYPE checkpg_up gauge\ncheckpg_up 0\n");
}
