#include "routes/prometheus.hpp"

#include "base/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

namespace checkpg {

namespace {

/// https://prometheus.io/docs/instrumenting/exposition_formats/: backslash, quote and line feed are
/// escaped in a label's value. Whatever else is no printable text is, too, as in our tables.
std::string label_value(std::string_view text) {
    std::string value;
    for (const char c : printable(text)) {
        if (c == '\\' || c == '"')
            value += '\\';
        value += c;
    }
    return value;
}

using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

/// Gathers metrics: the samples of one stand together behind what they mean.
class Metrics {
public:
    void begin(std::string_view name, std::string_view help) {
        name_ = name;
        text_ += fmt::format("# HELP {0} {1}\n# TYPE {0} gauge\n", name, help);
    }

    void sample(std::int64_t value, const Labels& labels = {}) {
        std::string between;
        for (const auto& [label, text] : labels)
            between +=
                fmt::format("{}{}=\"{}\"", between.empty() ? "" : ",", label, label_value(text));
        text_ += between.empty() ? fmt::format("{} {}\n", name_, value)
                                 : fmt::format("{}{{{}}} {}\n", name_, between, value);
    }

    /// A metric with one sample.
    void single(std::string_view name, std::string_view help, std::int64_t value) {
        begin(name, help);
        sample(value);
    }

    std::string take() { return std::move(text_); }

private:
    std::string_view name_;
    std::string text_;
};

std::string_view name_of(BackendRole role) noexcept {
    return role == BackendRole::read_write ? "read-write" : "read-only";
}

/// One sample for each server of a named backend that has a value.
template <typename Value>
void each_server(Metrics& metrics, const Routes& routes, std::string_view name,
                 std::string_view help, Value value) {
    metrics.begin(name, help);
    for (const RouteEntry& entry : routes.entries) {
        if (entry.row.kind != StatRow::Kind::server || entry.unused)
            continue;
        const StatRow::Number number = value(entry);
        if (!number)
            continue;
        const std::string process = std::to_string(entry.row.process.value_or(0));
        Labels labels{{"server", entry.row.server},
                      {"backend", entry.row.proxy},
                      {"role", name_of(*entry.role)}};
        if (routes.several_processes)
            labels.emplace_back("process", process);
        metrics.sample(*number, labels);
    }
}

void roles(Metrics& metrics, const Routes& routes) {
    metrics.single("checkpg_primaries", "Servers that HAProxy sends writes to: 1 is right.",
                   static_cast<std::int64_t>(routes.primaries.size()));
    metrics.single("checkpg_standbys", "Servers that HAProxy sends reads to, and no writes.",
                   static_cast<std::int64_t>(routes.standbys.size()));
    metrics.begin("checkpg_server_role", "What HAProxy uses a server as: primary, standby, "
                                         "unchecked or neither.");
    const auto each = [&](const std::vector<std::string>& names, std::string_view role) {
        for (const std::string& name : names)
            metrics.sample(1, {{"server", name}, {"role", role}});
    };
    each(routes.primaries, "primary");
    each(routes.standbys, "standby");
    each(routes.unchecked, "unchecked");
    for (const IdleServer& server : routes.idle)
        metrics.sample(1, {{"server", server.name}, {"role", "neither"}});
}

void traffic(Metrics& metrics, const Routes& routes) {
    const std::array both{std::pair{BackendRole::read_write, routes.read_write},
                          std::pair{BackendRole::read_only, routes.read_only}};
    metrics.begin("checkpg_sessions", "Sessions of all named backends of the role.");
    for (const auto& [role, sessions] : both)
        metrics.sample(sessions.now, {{"role", name_of(role)}});
    metrics.begin("checkpg_sessions_most",
                  "The most sessions at one time since HAProxy started, summed over backends.");
    for (const auto& [role, sessions] : both)
        metrics.sample(sessions.most, {{"role", name_of(role)}});
    metrics.single("checkpg_queued", "Connections that wait for a server.", routes.queued);
}

/// For how long no backend for writes has had a server; 0 while one has.
std::int64_t seconds_without_primary(const Routes& routes) {
    StatRow::Number shortest;
    for (const RouteEntry& entry : routes.entries) {
        if (entry.row.kind != StatRow::Kind::backend || entry.role != BackendRole::read_write)
            continue;
        if (entry.row.status.starts_with("UP"))
            return 0;
        if (entry.row.since_change)
            shortest =
                std::min(shortest.value_or(*entry.row.since_change), *entry.row.since_change);
    }
    return shortest.value_or(0);
}

} // namespace

std::string to_prometheus(const Routes& routes) {
    Metrics metrics;
    const bool known = routes.state != RouteState::unknown;
    metrics.single("checkpg_up", "Whether HAProxy answered on its stats socket.", known ? 1 : 0);
    if (!known)
        return metrics.take();
    metrics.single("checkpg_state", "0 ok, 1 warning, 2 critical: checkpgroutes' exit status.",
                   static_cast<std::int64_t>(routes.state));
    roles(metrics, routes);
    metrics.single("checkpg_no_primary_seconds",
                   "For how long no backend for writes has had a server, 0 while one has.",
                   seconds_without_primary(routes));
    traffic(metrics, routes);
    each_server(metrics, routes, "checkpg_server_serving",
                "Whether new connections may go to the server in this backend.",
                [](const RouteEntry& entry) -> StatRow::Number { return entry.serving ? 1 : 0; });
    each_server(metrics, routes, "checkpg_server_check_code",
                "The exit code of the last check, where HAProxy has one.",
                [](const RouteEntry& entry) { return entry.row.check_code; });
    each_server(metrics, routes, "checkpg_server_changed_seconds",
                "The time since HAProxy last took the server in or out.",
                [](const RouteEntry& entry) { return entry.row.since_change; });
    each_server(metrics, routes, "checkpg_server_sessions", "Sessions of the server.",
                [](const RouteEntry& entry) { return entry.row.sessions; });
    return metrics.take();
}

} // namespace checkpg
