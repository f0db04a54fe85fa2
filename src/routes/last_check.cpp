#include "routes/last_check.hpp"

#include "base/exit_code.hpp"
#include "base/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace checkpg {

namespace {

using Kind = LastCheck::Kind;

/// HAProxy's own check results (management guide, section 9.1, field check_status).
struct Status {
    std::string_view name;
    Kind kind;
    std::string_view words;
};

constexpr std::array<Status, 17> statuses{{
    {"UNK", Kind::not_yet, "not checked yet"},
    {"INI", Kind::not_yet, "not checked yet"},
    {"HANA", Kind::failed, "errors in its traffic"},
    {"SOCKERR", Kind::failed, "check can't be started"},
    {"L4OK", Kind::passed, "connected"},
    {"L4TOUT", Kind::failed, "connect timed out"},
    {"L4CON", Kind::failed, "can't connect"},
    {"L6OK", Kind::passed, "TLS ok"},
    {"L6TOUT", Kind::failed, "TLS timed out"},
    {"L6RSP", Kind::failed, "TLS failed"},
    {"L7OK", Kind::passed, "answer ok"},
    {"L7OKC", Kind::passed, "no new sessions wanted"},
    {"L7TOUT", Kind::failed, "answer timed out"},
    {"L7RSP", Kind::failed, "wrong answer"},
    {"L7STS", Kind::failed, "error answer"},
    {"PROCOK", Kind::passed, "check passed"},
    {"PROCTOUT", Kind::failed, "check took too long"},
}};

/// None: over a reload HAProxy keeps that a check has failed, and not with what.
constexpr int code_of_the_state_file = 0;
/// By the conventions of shells, and of the dynamic linker.
constexpr int not_executable = 126;
constexpr int not_found = 127;
/// HAProxy's own.
constexpr int not_executed = 255;
constexpr std::int64_t by_signal = 4294967295;

std::string_view role_word(bool primary) noexcept { return primary ? "primary" : "standby"; }

LastCheck program_failed(const StatRow& row, BackendRole role) {
    const auto number = row.check_code.value_or(-1);
    if (number == to_int(ExitCode::other_role))
        return {Kind::other_role, std::string{role_word(role == BackendRole::read_only)}};
    if (number == code_of_the_state_file)
        return {Kind::failed, "failed before the reload"};
    if (number == not_executable)
        return {Kind::failed, "a program of the check can't be executed"};
    if (number == not_found)
        return {Kind::failed, "a program or library of the check is missing"};
    if (number == not_executed)
        return {Kind::failed, "check can't be executed"};
    if (number == by_signal)
        return {Kind::failed, "check was killed"};
    const auto code = number >= 0 && number < not_executed
                          ? exit_code_from_number(static_cast<int>(number))
                          : std::nullopt;
    if (code)
        return {Kind::failed, std::string{words(*code)}};
    return {Kind::failed, fmt::format("exit code {}", number)};
}

/// HAProxy has a limit of no processes for itself, unless `insecure-fork-wanted` lifts it; it keeps
/// what errno says.
bool may_not_fork(std::string_view name, const StatRow& row) {
    return name == "SOCKERR" && row.check_detail == "Resource temporarily unavailable";
}

LastCheck haproxys_own(std::string_view name, const StatRow& row) {
    if (may_not_fork(name, row))
        return {Kind::failed, "HAProxy can't fork, see insecure-fork-wanted (SOCKERR)"};
    const auto found = std::find_if(statuses.begin(), statuses.end(),
                                    [&](const Status& status) { return status.name == name; });
    if (found == statuses.end())
        return {Kind::failed, printable(name)};
    if (found->kind == Kind::not_yet)
        return {found->kind, std::string{found->words}};
    return {found->kind, fmt::format("{} ({})", found->words, name)};
}

LastCheck finished_check(std::string_view name, const StatRow& row, BackendRole role) {
    if (name.empty())
        return {Kind::none, "-"};
    if (name == "PROCOK")
        return {Kind::passed, std::string{role_word(role == BackendRole::read_write)}};
    if (name == "PROCERR")
        return program_failed(row, role);
    return haproxys_own(name, row);
}

} // namespace

bool is_unchecked(const StatRow& row) {
    return last_check(row, BackendRole::read_write).kind == Kind::not_yet;
}

LastCheck last_check(const StatRow& row, BackendRole role) {
    constexpr std::string_view running_sign = "* ";
    std::string_view name = row.check_status;
    const bool running = name.starts_with(running_sign);
    if (running)
        name.remove_prefix(running_sign.size());
    LastCheck result = finished_check(name, row, role);
    result.running = running;
    return result;
}

} // namespace checkpg
