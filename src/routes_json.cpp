#include "routes_json.hpp"

#include "routes_report.hpp"

#include <nlohmann/json.hpp>

namespace checkpg {

namespace {

using Json = nlohmann::ordered_json;

Json json(StatRow::Number number) { return number ? Json(*number) : Json(nullptr); }

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json json(Traffic traffic) { return {{"now", traffic.now}, {"most", traffic.most}}; }

Json sessions(const StatRow& row) {
    return {{"now", json(row.sessions)},
            {"most", json(row.most_sessions)},
            {"limit", json(row.session_limit)}};
}

Json check(const RouteEntry& entry) {
    const StatRow& row = entry.row;
    if (entry.check.kind == CheckResult::Kind::none)
        return nullptr;
    return {{"words", entry.check.words},
            {"passed", entry.check.kind == CheckResult::Kind::passed},
            {"running", entry.check.running},
            {"status", row.check_status},
            {"code", json(row.check_code)},
            {"milliseconds", json(row.check_duration)},
            {"detail", text_or_null(row.check_detail)}};
}

std::string_view role_name(const RouteEntry& entry) {
    return entry.role == Role::read_write ? "read-write" : "read-only";
}

Json frontend(const RouteEntry& entry) {
    return {{"process", json(entry.row.process)},
            {"name", entry.row.proxy},
            {"status", entry.row.status},
            {"sessions", sessions(entry.row)}};
}

Json backend(const RouteEntry& entry) {
    return {{"process", json(entry.row.process)},
            {"name", entry.row.proxy},
            {"role", role_name(entry)},
            {"status", entry.row.status},
            {"sessions", sessions(entry.row)},
            {"queued", json(entry.row.queued)},
            {"changed_seconds", json(entry.row.since_change)}};
}

Json server(const RouteEntry& entry) {
    const StatRow& row = entry.row;
    return {{"process", json(row.process)},
            {"backend", row.proxy},
            {"role", role_name(entry)},
            {"name", row.server},
            {"address", text_or_null(row.address)},
            {"status", row.status},
            {"serving", entry.serving},
            {"backup", row.backup},
            {"weight", json(row.weight)},
            {"check", check(entry)},
            {"sessions", sessions(row)},
            {"queued", json(row.queued)},
            {"changed_seconds", json(row.since_change)}};
}

Json entries(const Routes& routes, StatRow::Kind kind, Json (*convert)(const RouteEntry&)) {
    Json list = Json::array();
    for (const RouteEntry& entry : routes.entries)
        if (entry.row.kind == kind)
            list.push_back(convert(entry));
    return list;
}

Json problems(const Routes& routes) {
    Json list = Json::array();
    for (const Problem& problem : routes.problems)
        list.push_back({{"state", words(problem.state)}, {"text", problem.text}});
    return list;
}

Json idle_servers(const Routes& routes) {
    Json list = Json::array();
    for (const IdleServer& idle : routes.idle)
        list.push_back({{"name", idle.name}, {"reason", idle.reason}});
    return list;
}

Json all_sessions(const Routes& routes) {
    return {{"read_write", json(routes.read_write)}, {"read_only", json(routes.read_only)}};
}

Json document(const Routes& routes) {
    const bool known = routes.state != RouteState::unknown;
    return {{"schema", 1},
            {"state", words(routes.state)},
            {"summary", summary(routes)},
            {"problems", problems(routes)},
            {"notes", routes.notes},
            {"primaries", routes.primaries},
            {"standbys", routes.standbys},
            {"neither", idle_servers(routes)},
            {"sessions", known ? all_sessions(routes) : nullptr},
            {"queued", known ? Json(routes.queued) : nullptr},
            {"frontends", entries(routes, StatRow::Kind::frontend, frontend)},
            {"backends", entries(routes, StatRow::Kind::backend, backend)},
            {"servers", entries(routes, StatRow::Kind::server, server)}};
}

} // namespace

std::string to_json(const Routes& routes, bool compact) {
    return document(routes).dump(compact ? -1 : 2, ' ', false, Json::error_handler_t::replace);
}

} // namespace checkpg
