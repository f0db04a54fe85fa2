#include "base/exit_code.hpp"

#include <catch2/catch_test_macros.hpp>

#include <set>
#include <string_view>

using checkpg::ExitCode;

TEST_CASE("exit codes are the published numbers") {
    CHECK(to_int(ExitCode::ok) == 0);
    CHECK(to_int(ExitCode::other_role) == 1);
    CHECK(to_int(ExitCode::unreachable) == 2);
    CHECK(to_int(ExitCode::timed_out) == 3);
    CHECK(to_int(ExitCode::access_denied) == 4);
    CHECK(to_int(ExitCode::not_ready) == 5);
    CHECK(to_int(ExitCode::unexpected_answer) == 6);
    CHECK(to_int(ExitCode::split_brain) == 7);
    CHECK(to_int(ExitCode::standby_not_fit) == 8);
    CHECK(to_int(ExitCode::read_only) == 9);
    CHECK(to_int(ExitCode::usage) == 64);
    CHECK(to_int(ExitCode::internal) == 70);
    CHECK(to_int(ExitCode::configuration) == 78);
}

TEST_CASE("every code has words of its own and can be found by its number") {
    std::set<std::string_view> seen;
    for (const int number : {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 64, 70, 78}) {
        const auto code = checkpg::exit_code_from_number(number);
        REQUIRE(code);
        CHECK(to_int(*code) == number);
        CHECK(seen.insert(words(*code)).second);
    }
    CHECK_FALSE(checkpg::exit_code_from_number(255));
    CHECK_FALSE(checkpg::exit_code_from_number(-1));
}
