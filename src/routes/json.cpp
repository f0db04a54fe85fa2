#include "routes/json.hpp"

#include "routes/json_parts.hpp"
#include "routes/state_line.hpp"

namespace checkpg {

namespace {

Json number(StatRow::Number value) { return value ? Json(*value) : Json(nullptr); }

Json traffic(Traffic sessions) {
    return {{"now", sessions.now}, {"most", sessions.most}, {"limit", number(sessions.limit)}};
}

Json sessions(const StatRow& row) {
    return {{"now", number(row.sessions)},
            {"most", number(row.most_sessions)},
            {"limit", number(row.session_limit)}};
}

Json check(const RouteEntry& entry) {
    const StatRow& row = entry.row;
    if (entry.check.kind == LastCheck::Kind::none)
        return nullptr;
    return {{"words", entry.check.words},
            {"passed", entry.check.kind == LastCheck::Kind::passed},
            {"running", entry.check.running},
            {"status", row.check_status},
            {"code", number(row.check_code)},
            {"milliseconds", number(row.check_duration)},
            {"detail", text_or_null(row.check_detail)}};
}

const char* role_name(const RouteEntry& entry) {
    return entry.role == BackendRole::read_write ? "read-write" : "read-only";
}

Json frontend(const RouteEntry& entry) {
    const StatRow& row = entry.row;
    return {{"process", number(row.process)},
            {"name", row.proxy},
            {"status", row.status},
            {"counted", !entry.leads_elsewhere},
            {"sessions", sessions(row)}};
}

Json backend(const RouteEntry& entry) {
    const StatRow& row = entry.row;
    return {{"process", number(row.process)},
            {"name", row.proxy},
            {"role", role_name(entry)},
            {"status", row.status},
            {"sessions", sessions(row)},
            {"queued", number(row.queued)},
            {"changed_seconds", number(row.since_change)}};
}

Json server(const RouteEntry& entry) {
    const StatRow& row = entry.row;
    return {{"process", number(row.process)},
            {"backend", row.proxy},
            {"role", role_name(entry)},
            {"name", row.server},
            {"address", text_or_null(row.address)},
            {"status", row.status},
            {"serving", entry.serving},
            {"backup", row.backup},
            {"weight", number(row.weight)},
            {"check", check(entry)},
            {"sessions", sessions(row)},
            {"queued", number(row.queued)},
            {"changed_seconds", number(row.since_change)}};
}

Json problem(const Problem& one) { return {{"state", words(one.state)}, {"text", one.text}}; }

Json idle_server(const IdleServer& idle) { return {{"name", idle.name}, {"reason", idle.reason}}; }

/// How long there has been one primary, or none.
Json role_seconds(const Routes& routes, bool with_primary) {
    const bool asked_for = with_primary == !routes.primaries.empty();
    return routes.role_since && asked_for ? Json(routes.role_since->seconds) : Json(nullptr);
}

Json all_sessions(const Routes& routes) {
    return {{"read_write", traffic(routes.read_write)}, {"read_only", traffic(routes.read_only)}};
}

Json entries(const Routes& routes, StatRow::Kind kind, Json (*convert)(const RouteEntry&)) {
    Json result = Json::array();
    for (const RouteEntry& entry : routes.entries)
        if (entry.row.kind == kind)
            result.push_back(convert(entry));
    return result;
}

Json old_processes(const Routes& routes) {
    if (!routes.old_processes || routes.state == RouteState::unknown)
        return nullptr;
    return array_of(*routes.old_processes, [](const OldProcess& process) {
        return Json{{"pid", process.pid}, {"started_seconds", process.age}};
    });
}

void fill(Json& object, const Routes& routes) {
    const bool known = routes.state != RouteState::unknown;
    object["schema"] = 1;
    object["state"] = words(routes.state);
    object["summary"] = state_text(routes);
    object["problems"] = array_of(routes.problems, problem);
    object["notes"] = routes.notes;
    object["primaries"] = routes.primaries;
    object["primary_seconds"] = role_seconds(routes, true);
    object["no_primary_seconds"] = role_seconds(routes, false);
    object["standbys"] = routes.standbys;
    object["unchecked"] = routes.unchecked;
    object["neither"] = array_of(routes.idle, idle_server);
    object["sessions"] = known ? all_sessions(routes) : Json(nullptr);
    object["old_processes"] = old_processes(routes);
    object["queued"] = known ? Json(routes.queued) : Json(nullptr);
    object["frontends"] = entries(routes, StatRow::Kind::frontend, frontend);
    object["backends"] = entries(routes, StatRow::Kind::backend, backend);
    object["servers"] = entries(routes, StatRow::Kind::server, server);
}

std::string dumped(const Json& object, bool compact) {
    constexpr int spaces = 2;
    return object.dump(compact ? -1 : spaces, ' ', false, Json::error_handler_t::replace);
}

} // namespace

std::string to_json(const Routes& routes, bool compact) {
    Json object = Json::object();
    fill(object, routes);
    return dumped(object, compact);
}

std::string to_json(const std::vector<ClusterRoutes>& clusters) {
    Json object = {{"schema", 1}, {"state", words(worst_state(clusters))}};
    object["clusters"] = array_of(clusters, [](const ClusterRoutes& one) {
        Json element = {{"cluster", one.settings.cluster}};
        fill(element, one.routes);
        return element;
    });
    return dumped(object, false);
}

} // namespace checkpg
