#include "routes/look.hpp"

#include "base/printable.hpp"
#include "routes/routes_unknown.hpp"
#include "routes/show_stat.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <iterator>
#include <sys/stat.h>

namespace checkpg {

namespace {

/// Where HAProxy's socket is on the Red Hat family, and on Debian.
constexpr std::array default_sockets{"/var/lib/haproxy/stats", "/run/haproxy/admin.sock"};
constexpr std::size_t largest_info = std::size_t{256} * 1024;

/// A path that we may not look at counts as there: who may will be explained.
bool exists(const char* path) {
    struct stat status {};
    return ::stat(path, &status) == 0 || errno == EACCES;
}

/// Looked up anew each time: HAProxy may come and go while it is watched.
std::vector<StatsSocket> sockets_of(const RoutesSettings& settings) {
    if (!settings.sockets.empty())
        return settings.sockets;
    for (const char* path : default_sockets)
        if (exists(path))
            return {StatsSocket{path, path}};
    throw RoutesUnknown{fmt::format("neither {} nor {} exists: HAProxy is stopped, or its 'stats "
                                    "socket' is elsewhere (name it with --socket)",
                                    default_sockets[0], default_sockets[1])};
}

std::vector<StatRow> read_rows(const StatsSocket& socket, Deadline deadline) {
    ShowStatReader reader;
    ask_haproxy(socket, "show stat", deadline, [&](std::string_view piece) { reader.feed(piece); });
    return std::move(reader).rows();
}

/// What `ask` returns for this socket; a failure names it.
template <typename Ask>
auto naming(const StatsSocket& socket, Ask ask) {
    try {
        return ask();
    } catch (const RoutesUnknown& error) {
        throw RoutesUnknown{fmt::format("{}: {}", socket.name, error.what())};
    }
}

/// All processes share the deadline. Asked in turn: they are on this machine, and when one does
/// not answer nothing is known anyway.
std::vector<StatRow> read_all_rows(const RoutesSettings& settings) {
    const Deadline deadline = Deadline::in(settings.timeout);
    const auto sockets = sockets_of(settings);
    std::vector<StatRow> all;
    for (std::size_t i = 0; i < sockets.size(); ++i) {
        auto rows = naming(sockets[i], [&] { return read_rows(sockets[i], deadline); });
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

std::string read_info(const StatsSocket& socket, Deadline deadline) {
    std::string info;
    ask_haproxy(socket, "show info", deadline, [&](std::string_view piece) {
        info += piece;
        if (info.size() > largest_info)
            throw RoutesUnknown{"no answer of HAProxy's"};
    });
    return info;
}

std::string introduce(const StatsSocket& socket, Deadline deadline) {
    const auto begin = Deadline::Clock::now();
    const std::string info = read_info(socket, deadline);
    const auto version = info_value("Version: ", info);
    if (!info.starts_with("Name: ") || version.empty())
        throw RoutesUnknown{fmt::format("no answer of HAProxy's: '{}'",
                                        printable_ascii(info.substr(0, info.find('\n')), 80))};
    const std::chrono::duration<double, std::milli> took = Deadline::Clock::now() - begin;
    return fmt::format("{}: HAProxy {}, process {}, answers after {:.1f} ms", socket.name,
                       printable_ascii(version), printable_ascii(info_value("Pid: ", info)),
                       took.count());
}

} // namespace

Routes look_at_routes(const RoutesSettings& settings) {
    try {
        return conclude(read_all_rows(settings), settings.rules);
    } catch (const RoutesUnknown& error) {
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
    } catch (const RoutesUnknown& error) {
        ping.text = error.what();
    }
    return ping;
}

} // namespace checkpg
