#include "routes/last_check.hpp"
#include "stat_tables.hpp"

#include <catch2/catch_test_macros.hpp>

using checkpg::BackendRole;
using checkpg::last_check;
using checkpg::StatRow;
using Kind = checkpg::LastCheck::Kind;

namespace {

checkpg::LastCheck check(const std::string& status, checkpg::StatRow::Number code = {},
                         BackendRole role = BackendRole::read_write) {
    return last_check(server_row("b", "db1", "UP", status, code), role);
}

} // namespace

TEST_CASE("0 and 1 read as the role that was found") {
    CHECK(check("PROCOK", 0, BackendRole::read_write).words == "primary");
    CHECK(check("PROCERR", 1, BackendRole::read_write).words == "standby");
    CHECK(check("PROCOK", 0, BackendRole::read_only).words == "standby");
    CHECK(check("PROCERR", 1, BackendRole::read_only).words == "primary");
    CHECK(check("PROCOK", 0).kind == Kind::passed);
    CHECK(check("PROCERR", 1).kind == Kind::other_role);
}

TEST_CASE("every other code of the checks reads as in their manual") {
    const std::pair<int, const char*> codes[]{
        {2, "unreachable"},     {3, "timed out"},           {4, "access denied"},
        {5, "not ready"},       {6, "unexpected answer"},   {7, "split brain"},
        {8, "standby not fit"}, {9, "read-only"},           {64, "usage error"},
        {70, "internal error"}, {78, "configuration error"}};
    for (const auto& [code, words] : codes) {
        CHECK(check("PROCERR", code).words == words);
        CHECK(check("PROCERR", code).kind == Kind::failed);
    }
}

TEST_CASE("codes that no check of ours ends with") {
    CHECK(check("PROCERR", 42).words == "exit code 42");
    CHECK(check("PROCERR", 255).words == "check can't be executed");
    CHECK(check("PROCERR", 4294967295).words == "check was killed");
    CHECK(check("PROCERR", -5).words == "exit code -5");
    CHECK(check("PROCTOUT", 0).words == "check took too long (PROCTOUT)");
    CHECK(check("PROCTOUT", 0).kind == Kind::failed);
}

TEST_CASE("until its first check a reloaded HAProxy knows that the last one failed, and not why") {
    CHECK(check("PROCERR", 0).words == "failed before the reload");
    CHECK(check("PROCERR", 0).kind == Kind::failed);
}

TEST_CASE("a check that HAProxy has ended has no code of its own, only that of an earlier one") {
    CHECK(check("PROCTOUT", 1).words == "check took too long (PROCTOUT)");
    CHECK(check("PROCTOUT", 1).kind == Kind::failed);
}

TEST_CASE("a check that HAProxy can't start") {
    StatRow row = server_row("b", "db1", "DOWN", "SOCKERR");
    CHECK(last_check(row, BackendRole::read_write).words == "check can't be started (SOCKERR)");
    row.check_detail = "Cannot allocate memory";
    CHECK(last_check(row, BackendRole::read_write).words == "check can't be started (SOCKERR)");
    row.check_detail = "Resource temporarily unavailable";
    const auto result = last_check(row, BackendRole::read_write);
    CHECK(result.words == "HAProxy can't fork, see insecure-fork-wanted (SOCKERR)");
    CHECK(result.kind == Kind::failed);
}

TEST_CASE("what a script or a dynamic linker ends with") {
    CHECK(check("PROCERR", 126).words == "a program of the check can't be executed");
    CHECK(check("PROCERR", 127).words == "a program or library of the check is missing");
}

TEST_CASE("other sites' checks keep HAProxy's name beside the words") {
    CHECK(check("L4CON").words == "can't connect (L4CON)");
    CHECK(check("L7OK", 200).words == "answer ok (L7OK)");
    CHECK(check("L7OK", 200).kind == Kind::passed);
    CHECK(check("L7STS", 503).words == "error answer (L7STS)");
    CHECK(check("L9NEW").words == "L9NEW");
    CHECK(check("L9NEW").kind == Kind::failed);
}

TEST_CASE("a running check keeps the result of the one before it") {
    const auto result = check("* PROCERR", 4);
    CHECK(result.running);
    CHECK(result.words == "access denied");
    CHECK_FALSE(check("PROCERR", 4).running);
    CHECK(check("* INI").kind == Kind::not_yet);
    CHECK(check("* INI").words == "not checked yet");
}

TEST_CASE("a server without a check has no result") {
    CHECK(check("").kind == Kind::none);
    CHECK(check("").words == "-");
}
