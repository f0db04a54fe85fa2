#include "base/version.hpp"
#include "check/report.hpp"

#include <nlohmann/json.hpp>

namespace checkpg {

namespace {

using Json = nlohmann::ordered_json;

Json moment(const CheckReport& report, const std::optional<Deadline::Clock::time_point>& when) {
    return when ? Json(report.milliseconds_until(*when)) : Json(nullptr);
}

template <typename Value>
Json optional(const std::optional<Value>& value) {
    return value ? Json(*value) : Json(nullptr);
}

void add_state(Json& object, const ServerState& state) {
    object["in_recovery"] = state.in_recovery;
    if (state.identity) {
        object["system_identifier"] = state.identity->system_identifier;
        object["timeline"] = state.in_recovery ? Json(nullptr) : Json(state.identity->timeline);
    }
    if (state.read_only)
        object["read_only"] = *state.read_only;
    if (state.replay) {
        object["replay_lag_bytes"] = optional(state.replay->lag());
        object["last_replay_age_ms"] = state.replay->age.count();
        object["behind"] = state.replay->is_behind();
    }
    if (state.receiver)
        object["wal_receiver"] = words(*state.receiver);
}

Json answer_object(const CheckReport& report, const Answer& answer) {
    const Contact& contact = answer.contact;
    Json object = Json::object();
    object["address"] = contact.address;
    object["port"] = contact.port;
    object["connected_ms"] = moment(report, contact.connected);
    object["authenticated_ms"] = moment(report, contact.authenticated);
    object["answered_ms"] = moment(report, contact.answered);
    object["server_version"] = contact.server_version;
    object["tls"] = contact.tls;
    object["authentication"] = contact.authentication;
    if (const ServerState* const state = answer.state())
        add_state(object, *state);
    else
        object["failure"] = {{"exit_code", to_int(answer.failure().code)},
                             {"sqlstate", answer.failure().sqlstate},
                             {"text", answer.failure().text}};
    return object;
}

Json peers_array(const CheckReport& report) {
    Json array = Json::array();
    for (std::size_t i = 0; i < report.check.asked.size(); ++i) {
        Json object = {{"peer", report.check.asked[i].text}, {"finding", words(report.finding(i))}};
        object.update(answer_object(report, report.check.peers[i]));
        array.push_back(object);
    }
    return array;
}

Json settings_array(const Settings& settings) {
    Json array = Json::array();
    for (const Setting& setting : settings.explained)
        if (!setting.value.empty())
            array.push_back(
                {{"key", setting.key}, {"value", setting.value}, {"origin", setting.origin}});
    return array;
}

} // namespace

std::string to_json(const CheckReport& report) {
    const Verdict& verdict = report.check.verdict;
    const auto& connection = report.settings.connection;
    Json object = Json::object();
    object["program"] = report.program;
    object["version"] = version;
    object["wanted"] = words(report.wanted);
    object["exit_code"] = to_int(verdict.code);
    object["meaning"] = words(verdict.code);
    object["reason"] = verdict.reason;
    object["elapsed_ms"] = report.milliseconds_until(report.ended);
    object["target"] = {{"host", value_of(connection, "host")},
                        {"hostaddr", value_of(connection, "hostaddr")},
                        {"port", value_of(connection, "port")},
                        {"backend", report.invocation.backend}};
    object["server"] = answer_object(report, report.check.server);
    object["peers"] = peers_array(report);
    object["settings"] = settings_array(report.settings);
    return object.dump(2, ' ', false, Json::error_handler_t::replace);
}

} // namespace checkpg
