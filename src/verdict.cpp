#include "verdict.hpp"

#include <fmt/format.h>

namespace checkpg {

namespace {

Verdict judge_failure(const Failure& failure) {
    const bool spelt = !failure.sqlstate.empty();
    return {failure.code, fmt::format("{}: {}{}", words(failure.code), failure.text,
                                      spelt ? fmt::format(" ({})", failure.sqlstate) : "")};
}

} // namespace

Verdict judge(Role wanted, const Answer& server) {
    const ServerState* const state = server.state();
    if (state == nullptr)
        return judge_failure(server.failure());
    const Role role = state->in_recovery ? Role::standby : Role::primary;
    if (role != wanted)
        return {ExitCode::other_role, fmt::format("{}, not {}", name(role), name(wanted))};
    return {ExitCode::ok, std::string{name(role)}};
}

} // namespace checkpg
