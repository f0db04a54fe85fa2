#include "survey/survey.hpp"

#include "base/error.hpp"
#include "base/units.hpp"
#include "check/target.hpp"
#include "survey/guard.hpp"

#include <algorithm>
#include <utility>

namespace checkpg {

namespace {

/// What PostgreSQL is to be asked at one place, and the row that it fills.
struct Errand {
    SurveyedServer server;
    Settings settings; ///< without a connection: there is no address

    bool can_be_run() const noexcept { return !settings.connection.empty(); }
};

bool connect_alike(const Settings& a, const Settings& b) {
    return std::equal(a.connection.begin(), a.connection.end(), b.connection.begin(),
                      b.connection.end(), [](const Setting& one, const Setting& other) {
                          return one.key == other.key && one.value == other.value;
                      });
}

Errand errand_for(const BackendServer& server, const SurveySettings& how) {
    Errand errand;
    errand.server.name = server.name;
    if (server.address.empty())
        return errand;
    errand.settings = settings_for("checkpgroutes", invocation_for(server, how), how);
    const auto& connection = errand.settings.connection;
    errand.server.user = value_of(connection, "user");
    const std::string port{value_of(connection, "port")};
    errand.server.asked = place_of(server.address, port.empty() ? "5432" : port);
    return errand;
}

void add_backend(SurveyedServer& row, const BackendServer& server) {
    row.backends.push_back(server.backend);
    if (server.role == BackendRole::read_write) {
        row.gets_writes = row.gets_writes || server.serving;
    } else if (server.serving) {
        row.is_fallback = server.fallback && (row.is_fallback || !row.gets_reads);
        row.gets_reads = true;
    }
}

/// A server of several backends is asked once, unless their sections have it asked differently.
std::vector<Errand> errands_for(const std::vector<BackendServer>& servers,
                                const SurveySettings& how) {
    std::vector<Errand> errands;
    for (const BackendServer& server : servers) {
        Errand errand = errand_for(server, how);
        auto found = std::find_if(errands.begin(), errands.end(), [&](const Errand& known) {
            return known.server.name == errand.server.name &&
                   connect_alike(known.settings, errand.settings);
        });
        if (found == errands.end())
            found = errands.insert(errands.end(), std::move(errand));
        add_backend(found->server, server);
    }
    return errands;
}

/// The answers to those that can be run, in their order.
std::vector<Answer> run(const std::vector<Errand>& errands, Deadline::Clock::time_point begun) {
    milliseconds timeout{0};
    std::uint64_t file_bytes = 0;
    std::vector<std::vector<Setting>> connections;
    for (const Errand& errand : errands)
        if (errand.can_be_run()) {
            timeout = std::max(timeout, errand.settings.timeout);
            file_bytes += errand.settings.file_bytes;
            connections.push_back(errand.settings.connection);
        }
    make_room_for(connections.size(), file_bytes);
    Question question;
    question.identity = question.replay = question.receiver = question.vitals = true;
    const Deadline deadline{begun + timeout};
    const Watchdog watchdog{deadline};
    auto answers = ask_servers(std::move(connections), question, deadline);
    for (Answer& answer : answers)
        answer.connection.reset();
    return answers;
}

Answer not_asked() {
    return {Failure{ExitCode::internal, "",
                    "HAProxy has no address for it: its name is not resolved, or it is a UNIX "
                    "socket",
                    Sign::none},
            {},
            nullptr};
}

} // namespace

Invocation invocation_for(const BackendServer& server, const SurveySettings& how) {
    Invocation invocation;
    invocation.form = Invocation::Form::haproxy;
    invocation.backend = server.backend;
    invocation.target = haproxy_target(server.address, server.port, server.name);
    if (how.timeout)
        invocation.options.push_back(
            {"timeout", format_duration(*how.timeout), "option --timeout"});
    return invocation;
}

Settings settings_for(std::string_view program, const Invocation& invocation,
                      const SurveySettings& how) {
    const auto no_environment = [](const char*) -> const char* { return nullptr; };
    Settings settings = make_settings(program, invocation, how.config, no_environment);
    settings.by_hand = true;
    return settings;
}

std::vector<SurveyedServer> ask_backend_servers(const std::vector<BackendServer>& servers,
                                                const SurveySettings& how,
                                                Deadline::Clock::time_point begun) {
    std::vector<Errand> errands = errands_for(servers, how);
    auto answers = run(errands, begun);
    auto next = answers.begin();
    std::vector<SurveyedServer> rows;
    rows.reserve(errands.size());
    for (Errand& errand : errands) {
        errand.server.answer = errand.can_be_run() ? std::move(*next++) : not_asked();
        rows.push_back(std::move(errand.server));
    }
    return rows;
}

} // namespace checkpg
