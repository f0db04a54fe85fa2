#include "surveyed.hpp"

#include <utility>

using namespace checkpg;

namespace {

SurveyedServer row(const std::string& name, ServerState state) {
    SurveyedServer server;
    server.name = name;
    server.asked = "192.0.2.11:5432";
    server.user = "checkpg";
    state.identity = Identity{"1", 0, state.in_recovery ? 0U : 1U};
    for (const char c : name)
        state.identity->started = state.identity->started * 256 + c;
    server.answer = {std::move(state), {}, nullptr};
    server.answer.contact.server_version = 150'018;
    return server;
}

Vitals vitals() {
    Vitals vitals;
    vitals.uptime = milliseconds{187'200'000};
    vitals.recorded_timeline = 1;
    vitals.most_connections = 100;
    vitals.connections = 12;
    return vitals;
}

} // namespace

SurveyedServer primary_row(const std::string& name, std::uint64_t written) {
    ServerState state;
    state.vitals = vitals();
    state.vitals->written = written;
    state.replay = Replay{};
    state.receiver = Receiver::none;
    return row(name, std::move(state));
}

SurveyedServer standby_row(const std::string& name, std::uint64_t received,
                           std::uint64_t replayed) {
    ServerState state;
    state.in_recovery = true;
    state.vitals = vitals();
    state.vitals->received_timeline = 1;
    state.replay = Replay{};
    state.replay->received = received;
    state.replay->replayed = replayed;
    state.replay->age = milliseconds{13'415};
    state.receiver = Receiver::streaming;
    return row(name, std::move(state));
}

SurveyedServer silent_row(const std::string& name) {
    SurveyedServer server;
    server.name = name;
    server.asked = "192.0.2.14:5432";
    server.answer = {
        Failure{ExitCode::unreachable, "", "Connection refused", Sign::refused}, {}, nullptr};
    return server;
}

ServerState& state_of(SurveyedServer& server) {
    return std::get<ServerState>(server.answer.outcome);
}

void move_to_cluster(SurveyedServer& server, const std::string& system_identifier) {
    state_of(server).identity->system_identifier = system_identifier;
}
