#include "survey/survey_json.hpp"

#include "routes/json.hpp"

#include <nlohmann/json.hpp>

#include <optional>

namespace checkpg {

namespace {

using Json = nlohmann::ordered_json;

template <typename Value>
Json value_or_null(const std::optional<Value>& value) {
    return value ? Json(*value) : Json(nullptr);
}

Json failure_of(const Answer& answer) {
    if (answer.state() != nullptr)
        return nullptr;
    const Failure& failure = answer.failure();
    return {{"exit_code", to_int(failure.code)},
            {"meaning", words(failure.code)},
            {"sqlstate", failure.sqlstate},
            {"text", failure.text}};
}

/// What a server said, all null if it said nothing.
void add_answer(Json& object, const SurveyedServer& server,
                const std::vector<SurveyedServer>& servers) {
    const ServerState* const state = server.answer.state();
    const auto said = [&](auto of) { return state == nullptr ? Json(nullptr) : Json(of(*state)); };
    const Standing standing = standing_of(server, servers);
    const bool replays = state != nullptr && state->in_recovery && state->replay->age;
    const Contact& contact = server.answer.contact;
    object["role"] = said([](auto& s) { return s.in_recovery ? "standby" : "primary"; });
    object["system_identifier"] = said([](auto& s) { return s.identity->system_identifier; });
    object["timeline"] = value_or_null(standing.timeline);
    object["receive_lag_bytes"] = value_or_null(standing.receive_lag);
    object["replay_lag_bytes"] = value_or_null(standing.replay_lag);
    object["last_replay_age_ms"] = replays ? Json(state->replay->age->count()) : Json(nullptr);
    object["uptime_ms"] = said([](auto& s) { return s.vitals->uptime.count(); });
    object["connections"] = said([](auto& s) { return value_or_null(s.vitals->connections); });
    object["max_connections"] = said([](auto& s) { return s.vitals->most_connections; });
    object["server_version"] = said([&](auto&) { return contact.server_version; });
    object["tls"] = said([&](auto&) { return contact.tls; });
    object["authentication"] = said([&](auto&) { return contact.authentication; });
    object["failure"] = failure_of(server.answer);
}

Json server_object(const SurveyedServer& server, const std::vector<SurveyedServer>& servers) {
    Json object = Json::object();
    object["name"] = server.name;
    object["address"] = server.asked.empty() ? Json(nullptr) : Json(server.asked);
    object["backends"] = server.backends;
    object["routed"] = routed_words(server);
    add_answer(object, server, servers);
    return object;
}

std::string with(const Routes& routes, const char* key, Json array, bool compact) {
    constexpr int spaces = 2;
    Json object = Json::parse(to_json(routes, true));
    object[key] = std::move(array);
    return object.dump(compact ? -1 : spaces, ' ', false, Json::error_handler_t::replace);
}

} // namespace

std::string to_json(const Routes& routes, const std::vector<SurveyedServer>& servers,
                    bool compact) {
    Json array = Json::array();
    for (const SurveyedServer& server : servers)
        array.push_back(server_object(server, servers));
    return with(routes, "asked", std::move(array), compact);
}

std::string to_json(const Routes& routes, const std::vector<BackendCheck>& checks, bool compact) {
    Json array = Json::array();
    for (const BackendCheck& check : checks)
        array.push_back(Json::parse(check.json));
    return with(routes, "checks", std::move(array), compact);
}

} // namespace checkpg
