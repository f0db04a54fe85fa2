#include "routes/look.hpp"

#include "base/haproxy_error.hpp"
#include "base/printable.hpp"
#include "routes/server_names.hpp"
#include "routes/show_stat.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace checkpg {

namespace {

std::vector<StatsSocket> sockets_of(const RoutesSettings& settings) {
    if (!settings.sockets.empty())
        return settings.sockets;
    return {find_stats_socket("--socket")};
}

std::vector<StatRow> read_rows(const StatsSocket& socket, Deadline deadline) {
    return naming(socket, [&] {
        auto rows = parse_show_stat(ask_haproxy(socket, "show stat", deadline));
        if (std::any_of(rows.begin(), rows.end(), is_without_address))
            read_names(rows, ask_haproxy(socket, "show servers state", deadline));
        return rows;
    });
}

/// All processes share the deadline. Asked in turn: they are on this machine, and when one does
/// not answer nothing is known anyway.
std::vector<StatRow> read_all_rows(const RoutesSettings& settings) {
    const Deadline deadline = Deadline::in(settings.timeout);
    const auto sockets = sockets_of(settings);
    std::vector<StatRow> all;
    for (std::size_t i = 0; i < sockets.size(); ++i) {
        auto rows = read_rows(sockets[i], deadline);
        if (sockets.size() > 1) // the processes' own numbers may be the same
            for (StatRow& row : rows)
                row.process = static_cast<std::int64_t>(i) + 1;
        std::move(rows.begin(), rows.end(), std::back_inserter(all));
    }
    return all;
}

/// The value of a line "Version: 2.6.12" in `info`, or nothing.
std::string_view info_value(std::string_view key, std::string_view info) {
    const auto begin = info.find(key);
    if (begin == std::string_view::npos || (begin > 0 && info[begin - 1] != '\n'))
        return {};
    info.remove_prefix(begin + key.size());
    return info.substr(0, info.find('\n'));
}

std::string introduce(const StatsSocket& socket, Deadline deadline) {
    const auto begin = Deadline::Clock::now();
    const std::string info = ask_haproxy(socket, "show info", deadline);
    const auto version = info_value("Version: ", info);
    if (!info.starts_with("Name: ") || version.empty())
        throw HaproxyError{fmt::format("no answer of HAProxy's: '{}'",
                                       printable(info.substr(0, info.find('\n')), 80))};
    const std::chrono::duration<double, std::milli> took = Deadline::Clock::now() - begin;
    return fmt::format("{}: HAProxy {}, process {}, answers after {:.1f} ms", socket.name,
                       printable(version), printable(info_value("Pid: ", info)), took.count());
}

} // namespace

Routes look_at_routes(const RoutesSettings& settings) {
    try {
        return conclude(read_all_rows(settings), settings.rules);
    } catch (const HaproxyError& error) {
        return unknown_routes(error.what());
    }
}

Ping ping_haproxy(const RoutesSettings& settings) {
    Ping ping;
    try {
        const Deadline deadline = Deadline::in(settings.timeout);
        for (const StatsSocket& socket : sockets_of(settings)) {
            if (!ping.text.empty())
                ping.text += '\n';
            ping.text += naming(socket, [&] { return introduce(socket, deadline); });
        }
        ping.answered = true;
    } catch (const HaproxyError& error) {
        ping.text = error.what();
    }
    return ping;
}

} // namespace checkpg
