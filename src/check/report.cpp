#include "check/report.hpp"

#include "base/units.hpp"
#include "check/standby_fitness.hpp"
#include "check/target.hpp"

#include <fmt/format.h>

namespace checkpg {

namespace {

using Clock = Deadline::Clock;

std::string step(const CheckReport& report, Clock::time_point when, std::string_view text) {
    return fmt::format("{:>11}  {}\n", fine_duration(when - report.begun), text);
}

std::string detail(std::string_view text) { return fmt::format("{:13}{}\n", "", text); }

std::string server_name(const std::vector<Setting>& connection) {
    const auto host = value_of(connection, "host");
    const auto address = value_of(connection, "hostaddr");
    const auto port = value_of(connection, "port");
    const std::string place =
        address.empty() ? fmt::format("{}:{}", host, port) : place_of(address, port);
    const bool named = !host.empty() && !address.empty() && host != address;
    return named ? fmt::format("{} ({})", host, place) : place;
}

/// An LSN as PostgreSQL writes it.
std::string lsn_words(std::uint64_t lsn) {
    return fmt::format("{:X}/{:X}", lsn >> 32, lsn & 0xFFFFFFFF);
}

std::string_view waiting_words(Waiting waiting) noexcept {
    switch (waiting) {
    case Waiting::nothing:
        return ", nothing waits";
    case Waiting::something:
        return "";
    case Waiting::unknown:
        return ", what waits is unknown";
    }
    return "";
}

/// "lag 3.1 MB, last replayed transaction 12m47s old".
std::string lag_words(const ServerState& state) {
    const Replay& replay = *state.replay;
    const auto lag = replay.lag();
    return fmt::format(
        "lag {}, {}{}{}", lag ? rough_size(*lag) : "unknown",
        replay.age ? fmt::format("last replayed transaction {} old", rough_duration(*replay.age))
                   : "no transaction replayed since its start",
        waiting_words(waiting(state)), replay.paused ? ", replay is paused" : "");
}

std::string replay_words(const ServerState& state) {
    const Replay& replay = *state.replay;
    return fmt::format("received {}, replayed {}, {}",
                       replay.received ? lsn_words(*replay.received) : "nothing",
                       replay.replayed ? lsn_words(*replay.replayed) : "nothing", lag_words(state));
}

std::string keeper_line(const CheckReport& report) {
    if (report.settings.keep == milliseconds::zero())
        return {};
    const auto& age = report.check.kept_for;
    return detail(age ? fmt::format("a keeper has a connection for HAProxy's checks, {} old",
                                    rough_duration(*age))
                      : "no keeper has a connection for HAProxy's checks");
}

/// What a server says of itself, a line for each thing asked.
std::string state_lines(const ServerState& state) {
    std::string lines;
    if (state.identity)
        lines += detail(fmt::format("system identifier {}, {}", state.identity->system_identifier,
                                    state.in_recovery
                                        ? "in recovery"
                                        : fmt::format("timeline {}", state.identity->timeline)));
    if (state.read_only)
        lines += detail(
            fmt::format("transactions are {}", *state.read_only ? "read-only" : "read-write"));
    if (state.replay)
        lines += detail(replay_words(state));
    if (state.receiver == Receiver::hidden)
        lines += detail("there is a WAL receiver; to see whether it streams: GRANT "
                        "pg_read_all_stats TO the check's role");
    else if (state.receiver)
        lines += detail(fmt::format("WAL receiver: {}", words(*state.receiver)));
    return lines;
}

std::string contact_lines(const CheckReport& report, const Answer& server) {
    const Contact& contact = server.contact;
    std::string lines;
    if (contact.connected)
        lines += step(report, *contact.connected,
                      fmt::format("connected to {}, port {}", contact.address, contact.port));
    if (contact.authenticated)
        lines += step(report, *contact.authenticated,
                      fmt::format("logged in to PostgreSQL {}; authentication: {}; TLS: {}",
                                  version_words(contact.server_version), contact.authentication,
                                  contact.tls.empty() ? "none" : contact.tls));
    if (contact.answered && server.state() != nullptr) {
        const std::string_view recovery = server.state()->in_recovery ? "true" : "false";
        lines += step(report, *contact.answered,
                      fmt::format("answered: pg_is_in_recovery() is {}", recovery));
        lines += state_lines(*server.state());
    }
    return lines;
}

std::string settings_lines(const CheckReport& report) {
    std::string lines;
    if (!report.invocation.backend.empty() && !report.settings.section_found)
        lines += detail(fmt::format("the configuration has no section [{}]: only its global part "
                                    "counts",
                                    report.invocation.backend));
    for (const Setting& setting : report.settings.explained)
        if (!setting.value.empty())
            lines +=
                detail(fmt::format("{} = {}  ({})", setting.key, setting.value, setting.origin));
    return lines;
}

std::string peer_lines(const CheckReport& report) {
    std::string lines;
    for (std::size_t i = 0; i < report.check.asked.size(); ++i) {
        const Answer& answer = report.check.peers[i];
        const auto when = answer.contact.answered.value_or(report.ended);
        const std::string why = answer.state() == nullptr ? ": " + answer.failure().text : "";
        lines += step(report, when,
                      fmt::format("peer {} is {}{}", report.check.asked[i].text,
                                  words(report.finding(i)), why));
        if (answer.state() != nullptr)
            lines += state_lines(*answer.state());
    }
    return lines;
}

} // namespace

double CheckReport::milliseconds_until(Clock::time_point when) const {
    return std::chrono::duration<double, std::milli>{when - begun}.count();
}

PeerFinding CheckReport::finding(std::size_t peer) const {
    return finding_of(*check.server.state()->identity, check.peers[peer]);
}

std::string_view words(Receiver receiver) noexcept {
    switch (receiver) {
    case Receiver::none:
        return "none";
    case Receiver::not_streaming:
        return "not streaming";
    case Receiver::streaming:
        return "streaming";
    case Receiver::hidden:
        return "hidden";
    }
    return "unknown";
}

std::string version_words(int server_version) {
    return fmt::format("{}.{}", server_version / 10000, server_version % 10000);
}

std::string summary(const CheckReport& report) {
    const Verdict& verdict = report.check.verdict;
    const ServerState* const state = report.check.server.state();
    const bool lags = state != nullptr && state->in_recovery && state->replay;
    const bool unasked = report.wanted == Role::primary && verdict.code == ExitCode::ok &&
                         !report.settings.has_peers();
    return fmt::format("{}: {}{}{}", server_name(report.settings.connection), verdict.reason,
                       lags ? "; " + lag_words(*state) : "",
                       unasked ? "; no peers are configured" : "");
}

std::string story(const CheckReport& report) {
    const Verdict& verdict = report.check.verdict;
    return step(
               report, report.begun,
               fmt::format("{} asks {}", report.program, server_name(report.settings.connection))) +
           settings_lines(report) + keeper_line(report) +
           contact_lines(report, report.check.server) + peer_lines(report) +
           step(report, report.ended,
                fmt::format("exit code {} ({})", to_int(verdict.code), words(verdict.code))) +
           summary(report) + "\n";
}

} // namespace checkpg
