#include "routes/look.hpp"

#include "base/haproxy_error.hpp"
#include "base/printable.hpp"
#include "routes/server_names.hpp"
#include "routes/show_stat.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
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

/// What processes say, and the longest uptime of those whose first checks are not all done; it is
/// unknown if it is of one of them.
struct Answers {
    std::vector<StatRow> rows;
    bool unchecked = false; ///< there is such a process
    StatRow::Number uptime;

    void join(Answers other) {
        std::move(other.rows.begin(), other.rows.end(), std::back_inserter(rows));
        if (!other.unchecked)
            return;
        if (!unchecked)
            uptime = other.uptime;
        else if (uptime)
            uptime = other.uptime ? std::max(uptime, other.uptime) : std::nullopt;
        unchecked = true;
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
        if (answers.unchecked)
            answers.uptime = uptime_in(ask_haproxy(socket, "show info", deadline));
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
        all.join(std::move(one));
    }
    return all;
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

std::vector<StatsSocket> sockets_of(const RoutesSettings& settings) {
    if (!settings.sockets.empty())
        return settings.sockets;
    return {find_stats_socket("--socket")};
}

StatRow::Number uptime_in(std::string_view info) {
    const auto digits = info_value("Uptime_sec: ", info);
    std::int64_t seconds = 0;
    const auto* const end = digits.data() + digits.size();
    const auto result = std::from_chars(digits.data(), end, seconds);
    if (result.ec != std::errc{} || result.ptr != end || seconds < 0)
        return std::nullopt;
    return seconds;
}

Routes look_at_routes(const RoutesSettings& settings) {
    try {
        Answers answers = ask_all(settings);
        return conclude(std::move(answers.rows), settings.rules, answers.uptime);
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
