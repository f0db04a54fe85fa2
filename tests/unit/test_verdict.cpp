#include "verdict.hpp"

#include <catch2/catch_test_macros.hpp>

using checkpg::Answer;
using checkpg::ExitCode;
using checkpg::Failure;
using checkpg::judge;
using checkpg::Role;
using checkpg::ServerState;

namespace {

Answer answer_of(bool in_recovery) { return {ServerState{in_recovery}, {}}; }

} // namespace

TEST_CASE("a role is confirmed or denied") {
    CHECK(judge(Role::primary, answer_of(false)).code == ExitCode::ok);
    CHECK(judge(Role::standby, answer_of(true)).code == ExitCode::ok);
    CHECK(judge(Role::primary, answer_of(true)).code == ExitCode::other_role);
    CHECK(judge(Role::standby, answer_of(false)).code == ExitCode::other_role);
    CHECK(judge(Role::primary, answer_of(true)).reason == "standby, not primary");
}

TEST_CASE("a failure keeps its code for both roles") {
    for (const ExitCode code :
         {ExitCode::unreachable, ExitCode::timed_out, ExitCode::access_denied, ExitCode::not_ready,
          ExitCode::unexpected_answer, ExitCode::configuration})
        for (const Role role : {Role::primary, Role::standby})
            CHECK(judge(role, {Failure{code, "", "why"}, {}}).code == code);
    CHECK(judge(Role::primary, {Failure{ExitCode::not_ready, "57P03", "FATAL: starting"}, {}})
              .reason == "not ready: FATAL: starting (57P03)");
}
