#include "routes/json.hpp"

#include "routes/text.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace checkpg {

namespace {

using Json = nlohmann::ordered_json;

struct Member {
    const char* key;
    Json value;
};

/// An object of these members. Brace-initialised Json would copy each several times.
template <typename... Members>
Json object(Members&&... members) {
    Json result = Json::object();
    auto& target = result.get_ref<Json::object_t&>();
    target.reserve(sizeof...(members));
    (target.emplace_back(members.key, std::move(members.value)), ...);
    return result;
}

Json json(StatRow::Number number) { return number ? Json(*number) : Json(nullptr); }

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json json(Traffic traffic) {
    return object(Member{"now", traffic.now}, Member{"most", traffic.most});
}

Json sessions(const StatRow& row) {
    return object(Member{"now", json(row.sessions)}, Member{"most", json(row.most_sessions)},
                  Member{"limit", json(row.session_limit)});
}

Json check(const RouteEntry& entry) {
    const StatRow& row = entry.row;
    if (entry.check.kind == LastCheck::Kind::none)
        return nullptr;
    return object(Member{"words", entry.check.words},
                  Member{"passed", entry.check.kind == LastCheck::Kind::passed},
                  Member{"running", entry.check.running}, Member{"status", row.check_status},
                  Member{"code", json(row.check_code)},
                  Member{"milliseconds", json(row.check_duration)},
                  Member{"detail", text_or_null(row.check_detail)});
}

const char* role_name(const RouteEntry& entry) {
    return entry.role == BackendRole::read_write ? "read-write" : "read-only";
}

Json frontend(const RouteEntry& entry) {
    const StatRow& row = entry.row;
    return object(Member{"process", json(row.process)}, Member{"name", row.proxy},
                  Member{"status", row.status}, Member{"sessions", sessions(row)});
}

Json backend(const RouteEntry& entry) {
    const StatRow& row = entry.row;
    return object(Member{"process", json(row.process)}, Member{"name", row.proxy},
                  Member{"role", role_name(entry)}, Member{"status", row.status},
                  Member{"sessions", sessions(row)}, Member{"queued", json(row.queued)},
                  Member{"changed_seconds", json(row.since_change)});
}

Json server(const RouteEntry& entry) {
    const StatRow& row = entry.row;
    return object(Member{"process", json(row.process)}, Member{"backend", row.proxy},
                  Member{"role", role_name(entry)}, Member{"name", row.server},
                  Member{"address", text_or_null(row.address)}, Member{"status", row.status},
                  Member{"serving", entry.serving}, Member{"backup", row.backup},
                  Member{"weight", json(row.weight)}, Member{"check", check(entry)},
                  Member{"sessions", sessions(row)}, Member{"queued", json(row.queued)},
                  Member{"changed_seconds", json(row.since_change)});
}

Json problem(const Problem& one) {
    return object(Member{"state", words(one.state)}, Member{"text", one.text});
}

Json idle_server(const IdleServer& idle) {
    return object(Member{"name", idle.name}, Member{"reason", idle.reason});
}

Json all_sessions(const Routes& routes) {
    return object(Member{"read_write", json(routes.read_write)},
                  Member{"read_only", json(routes.read_only)});
}

/// Writes an object member by member, the members of a list one by one: 10,000 servers never
/// stand in memory as JSON values. On several lines each list member has a line of its own.
class Writer {
public:
    explicit Writer(bool compact) : compact_{compact} {}

    void member(std::string_view key, const Json& value) {
        begin_member(key);
        text_ += dumped(value);
    }

    template <typename List, typename Convert>
    void list(std::string_view key, const List& list, Convert convert) {
        begin_member(key);
        text_ += '[';
        bool first = true;
        for (const auto& element : list) {
            const Json value = convert(element);
            if (value.is_null())
                continue;
            text_ += first ? "" : ",";
            text_ += compact_ ? "" : "\n    ";
            text_ += dumped(value);
            first = false;
        }
        text_ += compact_ || first ? "]" : "\n  ]";
    }

    std::string object() && { return std::move(text_) + (compact_ ? "}" : "\n}"); }

private:
    void begin_member(std::string_view key) {
        text_ += text_.empty() ? "{" : ",";
        text_ += compact_ ? "" : "\n  ";
        text_ += dumped(key) + (compact_ ? ":" : ": ");
    }

    static std::string dumped(const Json& value) {
        return value.dump(-1, ' ', false, Json::error_handler_t::replace);
    }

    bool compact_;
    std::string text_;
};

/// The entries of one kind; null for the others, which Writer leaves out.
auto only(StatRow::Kind kind, Json (*convert)(const RouteEntry&)) {
    return [=](const RouteEntry& entry) {
        return entry.row.kind == kind ? convert(entry) : Json(nullptr);
    };
}

} // namespace

std::string to_json(const Routes& routes, bool compact) {
    const bool known = routes.state != RouteState::unknown;
    Writer writer{compact};
    writer.member("schema", 1);
    writer.member("state", words(routes.state));
    writer.member("summary", state_text(routes));
    writer.list("problems", routes.problems, problem);
    writer.member("notes", routes.notes);
    writer.member("primaries", routes.primaries);
    writer.member("standbys", routes.standbys);
    writer.list("neither", routes.idle, idle_server);
    writer.member("sessions", known ? all_sessions(routes) : nullptr);
    writer.member("queued", known ? Json(routes.queued) : nullptr);
    writer.list("frontends", routes.entries, only(StatRow::Kind::frontend, frontend));
    writer.list("backends", routes.entries, only(StatRow::Kind::backend, backend));
    writer.list("servers", routes.entries, only(StatRow::Kind::server, server));
    return std::move(writer).object();
}

} // namespace checkpg
