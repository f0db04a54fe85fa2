#include "routes/old_processes.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <unistd.h>

namespace checkpg {

namespace {

namespace fs = std::filesystem;

/// What we read of /proc/PID/stat.
struct ProcessStat {
    std::string name;
    char state = '?';
    std::int64_t parent = 0;
    std::int64_t start = 0; ///< in ticks since the machine's start
};

/// As much of it as can be read: a process may end meanwhile.
std::string contents(const fs::path& path) {
    const std::ifstream file{path, std::ios::binary};
    std::ostringstream text;
    text << file.rdbuf(); // which turns errors into states, as iterators don't
    return text.str();
}

/// A name may hold blanks and parentheses, and nothing behind it does.
std::optional<ProcessStat> read_stat(const fs::path& directory) {
    const std::string text = contents(directory / "stat");
    const auto begin = text.find('(');
    const auto end = text.rfind(')');
    if (begin == std::string::npos || end == std::string::npos)
        return std::nullopt;
    ProcessStat result;
    result.name = text.substr(begin + 1, end - begin - 1);
    std::istringstream rest{text.substr(end + 1)};
    constexpr int fields_between = 17; // fields 5 to 21 of proc(5)
    std::string skipped;
    rest >> result.state >> result.parent;
    for (int i = 0; i < fields_between; ++i)
        rest >> skipped;
    rest >> result.start;
    return rest ? std::optional{result} : std::nullopt;
}

/// The files behind -f on a process's command line: a reload keeps them, and adds other options.
std::vector<std::string> configuration_files(const fs::path& directory) {
    std::istringstream words{contents(directory / "cmdline")};
    std::vector<std::string> files;
    for (std::string word; std::getline(words, word, '\0');)
        if (word == "-f" && std::getline(words, word, '\0'))
            files.push_back(word);
    return files;
}

std::optional<std::int64_t> process_number(const std::string& name) {
    std::int64_t number = 0;
    const char* const end = name.data() + name.size();
    const auto result = std::from_chars(name.data(), end, number);
    return result.ec == std::errc{} && result.ptr == end ? std::optional{number} : std::nullopt;
}

std::int64_t ticks_per_second() noexcept {
    const long ticks = ::sysconf(_SC_CLK_TCK);
    constexpr std::int64_t usual = 100;
    return ticks > 0 ? ticks : usual;
}

/// The machine's age in seconds.
std::optional<std::int64_t> machine_age(const fs::path& proc) {
    std::istringstream text{contents(proc / "uptime")};
    double seconds = 0;
    text >> seconds;
    return text ? std::optional{static_cast<std::int64_t>(seconds)} : std::nullopt;
}

/// The inodes of the sockets that a process has open; nothing if we may not look.
std::optional<std::set<std::string>> open_sockets(const fs::path& directory) {
    constexpr std::string_view sign = "socket:[";
    std::set<std::string> inodes;
    std::error_code error;
    for (fs::directory_iterator entry{directory / "fd", error};
         !error && entry != fs::directory_iterator{}; entry.increment(error)) {
        std::error_code refused;
        const std::string target = fs::read_symlink(entry->path(), refused).native();
        if (refused && refused != std::errc::no_such_file_or_directory) // that is closed meanwhile
            return std::nullopt;
        if (target.starts_with(sign))
            inodes.insert(target.substr(sign.size(), target.size() - sign.size() - 1));
    }
    return error ? std::nullopt : std::optional{inodes};
}

/// A line of /proc/PID/net/tcp: what we read of it.
struct TcpSocket {
    std::string local_port; ///< hexadecimal
    bool listens = false;
};

/// The TCP sockets that a process has open; nothing if we may not look.
std::optional<std::vector<TcpSocket>> open_tcp_sockets(const fs::path& directory) {
    const auto inodes = open_sockets(directory);
    if (!inodes)
        return std::nullopt;
    std::vector<TcpSocket> sockets;
    for (const char* const table : {"net/tcp", "net/tcp6"}) {
        std::istringstream lines{contents(directory / table)};
        std::string number, local, remote, state, skipped, inode;
        for (std::string line; std::getline(lines, line);) {
            std::istringstream fields{line};
            fields >> number >> local >> remote >> state;
            for (int i = 0; i < 5; ++i) // queues, timer, retransmits, user, time-out
                fields >> skipped;
            if (fields >> inode && inodes->contains(inode))
                sockets.push_back({local.substr(local.rfind(':') + 1), state == "0A"});
        }
    }
    return sockets;
}

/// What a process holds on the ports on which the one in use listens.
std::optional<std::int64_t> sessions_of(const fs::path& old, const fs::path& in_use) {
    const auto connections = open_tcp_sockets(old);
    const auto listeners = connections ? open_tcp_sockets(in_use) : std::nullopt;
    if (!listeners)
        return std::nullopt;
    std::set<std::string> ports;
    for (const TcpSocket& socket : *listeners)
        if (socket.listens)
            ports.insert(socket.local_port);
    return std::count_if(connections->begin(), connections->end(), [&](const TcpSocket& socket) {
        return !socket.listens && ports.contains(socket.local_port);
    });
}

} // namespace

std::optional<std::vector<OldProcess>> find_old_processes(StatRow::Number pid,
                                                          StatRow::Number uptime,
                                                          const std::vector<std::int64_t>& others,
                                                          const fs::path& proc) {
    const auto now = machine_age(proc);
    const auto own = pid ? read_stat(proc / std::to_string(*pid)) : std::nullopt;
    if (!now || !own || !uptime)
        return std::nullopt;
    const std::int64_t second = ticks_per_second();
    // HAProxy counts from before it reads its configuration, the kernel from when it forks.
    constexpr std::int64_t start_takes = 60;
    if (std::abs(*now - own->start / second - *uptime) > start_takes)
        return std::nullopt;
    const auto files = configuration_files(proc / std::to_string(*pid));
    std::vector<OldProcess> found;
    std::error_code error;
    for (fs::directory_iterator entry{proc, error}; !error && entry != fs::directory_iterator{};
         entry.increment(error)) {
        const fs::path& path = entry->path();
        const auto number = process_number(path.filename().native());
        if (!number || std::find(others.begin(), others.end(), *number) != others.end())
            continue;
        const auto stat = read_stat(path);
        // The processes of one start (nbproc, up to HAProxy 2.4) are born within a second.
        if (stat && stat->name == own->name && stat->parent == own->parent && stat->state != 'Z' &&
            stat->start + second < own->start && configuration_files(path) == files)
            found.push_back({*number, *now - stat->start / second,
                             sessions_of(path, proc / std::to_string(*pid))});
    }
    if (error)
        return std::nullopt;
    std::sort(found.begin(), found.end(),
              [](const OldProcess& a, const OldProcess& b) { return a.pid < b.pid; });
    return found;
}

} // namespace checkpg
