#include "base/haproxy_error.hpp"
#include "check/answer_log.hpp"

#include <catch2/catch_test_macros.hpp>

using checkpg::ExitCode;
using checkpg::HaproxyServer;
using checkpg::StatRow;

namespace {

const HaproxyServer db1{"rw", "db1", "4", "1"};
const std::string header = "# pxname,svname,status,type,check_status,check_code\n";

StatRow former(const std::string& check_status, StatRow::Number check_code) {
    StatRow row;
    row.check_status = check_status;
    row.check_code = check_code;
    return row;
}

std::string refusal(const std::string& answer) {
    try {
        checkpg::row_of_server(answer, db1);
    } catch (const checkpg::HaproxyError& error) {
        return error.what();
    }
    return "accepted";
}

} // namespace

TEST_CASE("an answer is another one if HAProxy's last check ended otherwise") {
    const auto is_another = [](const StatRow& row, ExitCode code) {
        return checkpg::is_another_answer(row, code);
    };
    CHECK_FALSE(is_another(former("* PROCOK", 0), ExitCode::ok));
    CHECK_FALSE(is_another(former("PROCOK", 0), ExitCode::ok));
    CHECK_FALSE(is_another(former("* PROCERR", 4), ExitCode::access_denied));
    CHECK(is_another(former("* PROCERR", 4), ExitCode::ok));
    CHECK(is_another(former("* PROCERR", 4), ExitCode::unreachable));
    CHECK(is_another(former("* PROCOK", 0), ExitCode::access_denied));
}

TEST_CASE("an answer is another one where HAProxy has none, or ended the check") {
    for (const ExitCode code : {ExitCode::ok, ExitCode::timed_out}) {
        CHECK(checkpg::is_another_answer(former("* INI", {}), code));
        CHECK(checkpg::is_another_answer(former("* PROCTOUT", to_int(code)), code));
        CHECK(checkpg::is_another_answer(former("* PROCERR", 4294967295), code));
        CHECK(checkpg::is_another_answer(former("* PROCERR", {}), code));
        CHECK(checkpg::is_another_answer(former("* SOCKERR", to_int(code)), code));
    }
}

TEST_CASE("a state file's word for a check that has failed has no code: the next one is another") {
    CHECK(checkpg::is_another_answer(former("* PROCERR", 0), ExitCode::ok));
    CHECK(checkpg::is_another_answer(former("* PROCERR", 0), ExitCode::unreachable));
}

TEST_CASE("HAProxy's line of a server is the one with its backend's name and its own") {
    const auto row = checkpg::row_of_server(header + "rw,db1,UP 1/2,2,* PROCERR,2\n\n", db1);
    CHECK(row.check_code == 2);
    for (const char* other : {"rw,db2,UP,2,* PROCOK,0\n", "ro,db1,UP,2,* PROCOK,0\n", "",
                              "rw,db1,UP,2,* PROCOK,0\nrw,db1,UP,2,* PROCOK,0\n"})
        CHECK(refusal(header + other + "\n").find("another HAProxy's") != std::string::npos);
    CHECK(refusal(std::string(100'000, ',')).find("more than one") != std::string::npos);
    CHECK(refusal("Permission denied\n\n").find("Permission denied") != std::string::npos);
    CHECK(refusal(header + "rw,db1,UP,2,* PROCOK,0\n").find("breaks off") != std::string::npos);
    CHECK(refusal("").find("without an answer") != std::string::npos);
}

TEST_CASE("the line names backend, server and exit code, and stays one line") {
    CHECK(checkpg::log_line(db1, "192.0.2.11:5432: standby, not primary", ExitCode::other_role) ==
          "rw/db1: exit code 1 (other role): 192.0.2.11:5432: standby, not primary");
    const HaproxyServer odd{"rw\n<0>kernel: ", "db\x1b[2J", "4", "1"};
    CHECK(checkpg::log_line(odd, "no\r\nanswer", ExitCode::unreachable) ==
          "rw?<0>kernel: /db?[2J: exit code 2 (unreachable): no??answer");
}
