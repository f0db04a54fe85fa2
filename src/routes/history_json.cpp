#include "routes/history_json.hpp"

#include "routes/json_parts.hpp"

namespace checkpg {

namespace {

Json time_or_null(std::optional<WallTime> time) {
    return time ? Json(iso_time(*time)) : Json(nullptr);
}

const char* state_name(bool up) { return up ? "up" : "down"; }

Json event(const HistoryRow& row) {
    return {{"time", iso_time(row.time)},
            {"backend", row.backend},
            {"role", row.role == BackendRole::read_write ? "read-write" : "read-only"},
            {"server", row.server},
            {"state", state_name(row.kind == HistoryRow::Kind::up)},
            {"reason", text_or_null(row.reason)},
            {"former_state", row.was_up ? Json(state_name(*row.was_up)) : Json(nullptr)},
            {"former_reason", text_or_null(row.former_reason)},
            {"former_milliseconds",
             row.former_duration ? Json(row.former_duration->count()) : Json(nullptr)},
            {"text", row.text}};
}

Json process(const HistoryRow& row) {
    return {{"time", iso_time(row.time)},
            {"process", row.process == 0 ? Json(nullptr) : Json(row.process)},
            {"begins", row.kind == HistoryRow::Kind::process_begins}};
}

Json failover(const Failover& one) {
    return {{"backend", one.backend},
            {"from", one.from},
            {"to", one.to},
            {"left", iso_time(one.left)},
            {"took_over", iso_time(one.took_over)},
            {"milliseconds", one.length().count()}};
}

Json without_primary(const WithoutPrimary& one) {
    return {{"backend", one.backend},
            {"begin", iso_time(one.begin)},
            {"end", time_or_null(one.end)},
            {"milliseconds", one.end ? Json((*one.end - one.begin).count()) : Json(nullptr)},
            {"left", text_or_null(one.left)},
            {"reason", text_or_null(one.reason)},
            {"took_over", text_or_null(one.took_over)}};
}

Json rows(const History& history, bool of_servers, Json (*convert)(const HistoryRow&)) {
    Json result = Json::array();
    for (const HistoryRow& row : history.rows)
        if (row.server.empty() != of_servers)
            result.push_back(convert(row));
    return result;
}

std::string written(const History& history, const char* state, const Json& summary) {
    constexpr int spaces = 2;
    Json object = Json::object();
    object["schema"] = 1;
    object["state"] = state;
    object["summary"] = summary;
    object["started"] = time_or_null(history.source.started);
    object["begins"] = time_or_null(history.begins);
    object["ends"] = time_or_null(history.ends);
    object["events"] = rows(history, true, event);
    object["processes"] = rows(history, false, process);
    object["failovers"] = array_of(history.failovers, failover);
    object["without_primary"] = array_of(history.without_primary, without_primary);
    object["notes"] = history.notes;
    return object.dump(spaces, ' ', false, Json::error_handler_t::replace);
}

} // namespace

std::string to_json(const History& history) { return written(history, "ok", nullptr); }

std::string unknown_history_json(const std::string& reason) {
    return written({}, "unknown", reason);
}

} // namespace checkpg
