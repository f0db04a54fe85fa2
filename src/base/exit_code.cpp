#include "base/exit_code.hpp"

#include <array>
#include <utility>

namespace checkpg {

namespace {

constexpr std::array<std::pair<ExitCode, std::string_view>, 13> all_codes{{
    {ExitCode::ok, "ok"},
    {ExitCode::other_role, "other role"},
    {ExitCode::unreachable, "unreachable"},
    {ExitCode::timed_out, "timed out"},
    {ExitCode::access_denied, "access denied"},
    {ExitCode::not_ready, "not ready"},
    {ExitCode::unexpected_answer, "unexpected answer"},
    {ExitCode::split_brain, "split brain"},
    {ExitCode::standby_not_fit, "standby not fit"},
    {ExitCode::read_only, "read-only"},
    {ExitCode::usage, "usage error"},
    {ExitCode::internal, "internal error"},
    {ExitCode::configuration, "configuration error"},
}};

} // namespace

std::string_view words(ExitCode code) noexcept {
    for (const auto& [candidate, text] : all_codes)
        if (candidate == code)
            return text;
    return "unknown";
}

std::optional<ExitCode> exit_code_from_number(int number) noexcept {
    for (const auto& [candidate, text] : all_codes)
        if (to_int(candidate) == number)
            return candidate;
    return std::nullopt;
}

} // namespace checkpg
