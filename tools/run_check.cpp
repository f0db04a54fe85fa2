#include "run_check.hpp"

#include "base/error.hpp"
#include "base/stdio.hpp"
#include "check/answer_log.hpp"
#include "check/check.hpp"
#include "check/keeper.hpp"
#include "check/memory.hpp"
#include "check/process.hpp"
#include "check/report.hpp"
#include "check/versions.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <unistd.h>

namespace checkpg {

namespace {

using Clock = Deadline::Clock;

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

bool is_set_up_error(ExitCode code) noexcept {
    return code == ExitCode::usage || code == ExitCode::configuration || code == ExitCode::internal;
}

/// Returns once the report has been written: what the watchdog does after that takes nothing of it.
void print_report(const CheckReport& report) {
    const Invocation& invocation = report.invocation;
    if (invocation.quiet)
        return;
    if (invocation.json)
        print(to_json(report) + "\n");
    else if (invocation.verbose)
        print(story(report));
    else if (is_set_up_error(report.check.verdict.code))
        std::fprintf(stderr, "%s: %s\n", std::string{report.program}.c_str(),
                     summary(report).c_str());
    else if (invocation.form == Invocation::Form::manual)
        print(summary(report) + "\n");
    std::fflush(stdout);
}

/// What a person reads if the watchdog ends the check, which then can't make a report.
void prepare_last_words(const Invocation& invocation) {
    if (invocation.quiet)
        return;
    if (invocation.json)
        set_last_words("{\"exit_code\": 3, \"meaning\": \"timed out\", "
                       "\"reason\": \"ended by the watchdog: a call did not come back\"}\n");
    else if (invocation.verbose || invocation.form == Invocation::Form::manual)
        set_last_words("timed out: ended by the watchdog: a call did not come back\n");
}

void guard_process(Deadline deadline) {
    if (!start_watchdog(deadline))
        throw Error{ExitCode::internal, "the watchdog timer can't be set"};
}

/// A person sees the answer.
std::optional<AnswerLog> answer_log(const Invocation& invocation, const Settings& settings) {
    if (!settings.log || settings.by_hand)
        return std::nullopt;
    return std::optional<AnswerLog>{std::in_place, invocation.haproxy_server, settings};
}

/// The verdict stands: whatever becomes of the line, it is what the watchdog ends with. A check
/// that has used up its time gets a moment more, which with the watchdog's grace is 50 ms: HAProxy
/// was asked long ago.
void leave_line(const AnswerLog& log, CheckReport& report, Deadline deadline) {
    constexpr milliseconds moment{25};
    const ExitCode code = report.check.verdict.code;
    const Deadline end{std::max(deadline.when(), Clock::now() + moment)};
    set_last_code(code);
    guard_process(end);
    report.logged = log.leave(report.program, summary(report), code, end);
}

ExitCode check(std::string_view program, Role wanted, std::span<const char* const> arguments,
               Clock::time_point begun) {
    const pid_t caller = ::getppid(); // later it may have ended, and be process 1 by this
    const Invocation invocation = parse_invocation(program, arguments, ::getenv);
    if (invocation.action == Invocation::Action::show_help) {
        print(invocation.help);
        return ExitCode::ok;
    }
    if (invocation.action == Invocation::Action::show_version) {
        print(versions(program));
        return ExitCode::ok;
    }
    prepare_last_words(invocation);
    const auto file = find_config_file(invocation.config_file, ::getenv);
    const Settings settings = make_settings(program, invocation, file, ::getenv);
    hide_environment_from_libpq();
    const Deadline deadline{begun + settings.timeout};
    guard_process(deadline);
    const auto log = answer_log(invocation, settings);
    Check check = check_server(wanted, settings, deadline);
    CheckReport report{program, wanted, invocation, settings, check, begun, Clock::now()};
    if (log)
        leave_line(*log, report, deadline);
    print_report(report);
    set_last_code(check.verdict.code);
    set_last_words({});
    leave_keepers(check, settings, caller);
    return check.verdict.code;
}

} // namespace

int run_check(Role wanted, int argc, char** argv) noexcept {
    const auto begun = Clock::now();
    const std::string_view program = wanted == Role::primary ? "checkpgprimary" : "checkpgstandby";
    ExitCode code = ExitCode::internal;
    if (!secure_standard_descriptors())
        return to_int(code);
    try {
        guard_process(Deadline{begun + Settings{}.timeout});
        bound_memory();
        leave_no_core();
        keep_to_ourselves();
        const std::span<const char* const> all{argv, static_cast<std::size_t>(argc)};
        code = check(program, wanted, all.subspan(argc > 0 ? 1 : 0), begun);
    } catch (const Error& error) {
        code = error.code();
        std::fprintf(stderr, "%s: %s\n", program.data(), error.what());
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: internal error: %s\n", program.data(), error.what());
    }
    return to_int(code);
}

} // namespace checkpg
