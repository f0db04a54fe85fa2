#include "routes/look.hpp"

#include "base/haproxy_error.hpp"
#include "base/printable.hpp"
#include "base/show_stat.hpp"
#include "base/units.hpp"
#include "routes/name_list.hpp"
#include "routes/server_names.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>
#include <utility>

namespace checkpg {

namespace {

/// The value of a line "Version: 2.6.12" in `info`, or nothing.
std::string_view info_value(std::string_view key, std::string_view info) {
    const auto begin = info.find(key);
    if (begin == std::string_view::npos || (begin > 0 && info[begin - 1] != '\n'))
        return {};
    info.remove_prefix(begin + key.size());
    return info.substr(0, info.find('\n'));
}

/// A number in `info`.
StatRow::Number number_in(std::string_view key, std::string_view info) {
    const auto digits = info_value(key, info);
    std::int64_t number = 0;
    const auto* const end = digits.data() + digits.size();
    const auto result = std::from_chars(digits.data(), end, number);
    if (result.ec != std::errc{} || result.ptr != end || number < 0)
        return std::nullopt;
    return number;
}

/// One of HAProxy's processes, by its own words.
struct ProcessInfo {
    StatRow::Number pid;
    StatRow::Number uptime;
};

/// What processes say.
struct Answers {
    std::vector<StatRow> rows;
    std::vector<ProcessInfo> processes;
    bool unchecked = false; ///< a process's first checks are not all done
    /// Of those whose first checks are not done the longest, else the shortest one; unknown if it
    /// is of one of them.
    StatRow::Number uptime;

    void join(Answers other, bool first) {
        std::move(other.rows.begin(), other.rows.end(), std::back_inserter(rows));
        processes.insert(processes.end(), other.processes.begin(), other.processes.end());
        if (first || unchecked != other.unchecked)
            uptime = first || other.unchecked ? other.uptime : uptime;
        else if (!uptime || !other.uptime)
            uptime.reset();
        else
            uptime = unchecked ? std::max(uptime, other.uptime) : std::min(uptime, other.uptime);
        unchecked = unchecked || other.unchecked;
    }
};

Answers ask_one(const StatsSocket& socket, Deadline deadline) {
    return naming(socket, [&] {
        Answers answers;
        answers.rows = parse_show_stat(ask_haproxy(socket, "show stat", deadline));
        auto& rows = answers.rows;
        if (std::any_of(rows.begin(), rows.end(), is_without_address))
            read_names(rows, ask_haproxy(socket, "show servers state", deadline));
        answers.unchecked = std::any_of(rows.begin(), rows.end(), is_unchecked);
        const std::string info = ask_haproxy(socket, "show info", deadline);
        answers.uptime = uptime_in(info);
        answers.processes = {{number_in("Pid: ", info), answers.uptime}};
        return answers;
    });
}

/// All processes share the deadline. Asked in turn: they are on this machine, and when one does
/// not answer nothing is known anyway.
Answers ask_all(const RoutesSettings& settings) {
    const Deadline deadline = Deadline::in(settings.timeout);
    const auto sockets = sockets_of(settings);
    Answers all;
    for (std::size_t i = 0; i < sockets.size(); ++i) {
        Answers one = ask_one(sockets[i], deadline);
        if (sockets.size() > 1) // the processes' own numbers may be the same
            for (StatRow& row : one.rows)
                row.process = static_cast<std::int64_t>(i) + 1;
        all.join(std::move(one), i == 0);
    }
    return all;
}

/// Nothing if it isn't known of one of the processes.
std::optional<std::vector<OldProcess>> old_processes(const std::vector<ProcessInfo>& processes) {
    std::vector<std::int64_t> in_use;
    in_use.reserve(processes.size());
    for (const ProcessInfo& process : processes)
        in_use.push_back(process.pid.value_or(0));
    std::map<std::int64_t, OldProcess> all;
    for (const ProcessInfo& process : processes) {
        const auto found = find_old_processes(process.pid, process.uptime, in_use);
        if (!found)
            return std::nullopt;
        for (const OldProcess& old : *found)
            all.emplace(old.pid, old);
    }
    std::vector<OldProcess> result;
    result.reserve(all.size());
    for (const auto& [pid, old] : all)
        result.push_back(old);
    return result;
}

std::string introduce(const StatsSocket& socket, Deadline deadline) {
    const auto begin = Deadline::Clock::now();
    const std::string info = ask_haproxy(socket, "show info", deadline);
    const auto version = info_value("Version: ", info);
    if (!info.starts_with("Name: ") || version.empty())
        throw HaproxyError{fmt::format("no answer of HAProxy's: '{}'",
                                       printable(info.substr(0, info.find('\n')), 80))};
    return fmt::format("{}: HAProxy {}, process {}, answers after {}", socket.name,
                       printable(version), printable(info_value("Pid: ", info)),
                       fine_duration(Deadline::Clock::now() - begin));
}

/// Without the backends and frontends that HAProxy does not have, unless it has none of these
/// backends.
RouteRules only_existing(const RouteRules& rules, const std::vector<StatRow>& rows) {
    const auto is_missing = [&rows](StatRow::Kind kind) {
        return [&rows, kind](const std::string& name) {
            return std::none_of(rows.begin(), rows.end(), [&](const StatRow& row) {
                return row.kind == kind && row.proxy == name;
            });
        };
    };
    RouteRules existing = rules;
    std::erase_if(existing.read_write, is_missing(StatRow::Kind::backend));
    std::erase_if(existing.read_only, is_missing(StatRow::Kind::backend));
    std::erase_if(existing.frontends, is_missing(StatRow::Kind::frontend));
    return existing.read_write.empty() && existing.read_only.empty() ? rules : existing;
}

} // namespace

std::vector<StatsSocket> sockets_of(const RoutesSettings& settings) {
    if (!settings.sockets.empty())
        return settings.sockets;
    return {find_stats_socket("--socket")};
}

StatRow::Number uptime_in(std::string_view info) { return number_in("Uptime_sec: ", info); }

Routes look_at_routes(const RoutesSettings& settings) {
    try {
        Answers answers = ask_all(settings);
        Routes routes = conclude(std::move(answers.rows), settings.rules, answers.uptime);
        add_old_processes(routes, old_processes(answers.processes), answers.uptime);
        return routes;
    } catch (const HaproxyError& error) {
        return unknown_routes(error.what());
    }
}

ShortAnswer ping_haproxy(const RoutesSettings& settings) {
    try {
        std::vector<std::string> texts;
        const Deadline deadline = Deadline::in(settings.timeout);
        for (const StatsSocket& socket : sockets_of(settings))
            texts.push_back(naming(socket, [&] { return introduce(socket, deadline); }));
        return {RouteState::ok, fmt::format("{}", fmt::join(texts, "\n"))};
    } catch (const HaproxyError& error) {
        return {RouteState::unknown, error.what()};
    }
}

ShortAnswer ask_who_serves(const RoutesSettings& settings) {
    try {
        Answers answers = ask_all(settings);
        const RouteRules rules = only_existing(settings.rules, answers.rows);
        return who_serves(conclude(std::move(answers.rows), rules, answers.uptime));
    } catch (const HaproxyError& error) {
        return {RouteState::unknown, error.what()};
    }
}

ShortAnswer who_serves(const Routes& routes) {
    std::vector<std::string> names = routes.primaries;
    names.insert(names.end(), routes.standbys.begin(), routes.standbys.end());
    if (!names.empty())
        return {RouteState::ok, printable(fmt::format("{} get{} traffic", listed(names),
                                                      names.size() == 1 ? "s" : ""))};
    std::vector<std::string> reasons;
    for (const std::string& name : routes.unchecked)
        reasons.push_back(name + " not checked yet");
    for (const IdleServer& idle : routes.idle)
        reasons.push_back(fmt::format("{} {}", idle.name, idle.reason));
    return {RouteState::critical,
            printable(fmt::format("no server gets traffic: {}", fmt::join(reasons, "; ")))};
}

} // namespace checkpg
