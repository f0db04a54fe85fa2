#include "routes/history_source.hpp"

#include "base/descriptor.hpp"
#include "base/haproxy_error.hpp"
#include "base/printable.hpp"
#include "routes/look.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

namespace checkpg {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t longest_line = std::size_t{64} * 1024;
constexpr std::size_t quoted_at_most = 80;

/// Cuts what comes piece by piece into lines. One that is too long for HAProxy's is skipped.
class LineCutter {
public:
    explicit LineCutter(LogReader& reader) : reader_{reader} {}

    void add(std::string_view piece) {
        for (auto end = piece.find('\n'); end != std::string_view::npos; end = piece.find('\n')) {
            append(piece.substr(0, end));
            finish();
            piece.remove_prefix(end + 1);
        }
        append(piece);
    }

    void finish() {
        if (!too_long_)
            reader_.read(line_);
        line_.clear();
        too_long_ = false;
    }

private:
    void append(std::string_view part) {
        too_long_ = too_long_ || line_.size() + part.size() > longest_line;
        if (!too_long_)
            line_ += part;
    }

    LogReader& reader_;
    std::string line_;
    bool too_long_ = false;
};

bool is_packed(std::string_view beginning) {
    using namespace std::string_view_literals;
    for (const auto sign : {"\x1f\x8b"sv, "\x28\xb5\x2f\xfd"sv,
                            "\xfd"
                            "7zXZ"sv,
                            "BZh"sv})
        if (beginning.starts_with(sign))
            return true;
    return false;
}

void read_lines(int descriptor, LogReader& reader) {
    std::array<char, 65536> buffer; // left as it is: read(2) fills it
    LineCutter lines{reader};
    bool first = true;
    for (;;) {
        const auto got = ::read(descriptor, buffer.data(), buffer.size());
        if (got == 0)
            return lines.finish();
        if (got < 0 && errno != EINTR)
            throw HaproxyError{std::strerror(errno)};
        if (got < 0)
            continue;
        const std::string_view piece{buffer.data(), static_cast<std::size_t>(got)};
        if (std::exchange(first, false) && is_packed(piece))
            throw HaproxyError{"compressed: unpack it first, into 'checkpgroutes --history -'"};
        lines.add(piece);
    }
}

/// A pipe that nobody writes to is an empty one; a device may never end.
Descriptor open_log(const std::string& path) {
    Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
    struct stat status {};
    if (file.get() == -1 || ::fstat(file.get(), &status) != 0)
        throw HaproxyError{std::strerror(errno)};
    if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode))
        throw HaproxyError{"neither a file nor a pipe"};
    ::fcntl(file.get(), F_SETFL, 0);
    return file;
}

void refuse_without_times(const HaproxyLog& log, std::string_view what) {
    if (!log.begins)
        throw HaproxyError{fmt::format("no line of it begins with a time{}", what)};
}

HaproxyLog read_log(const std::string& file, LogReader reader) {
    if (file == "-")
        read_lines(STDIN_FILENO, reader);
    else
        read_lines(open_log(file).get(), reader);
    HaproxyLog log = std::move(reader).take();
    if (!log.lines)
        throw HaproxyError{"nothing is in it"};
    refuse_without_times(log, ": no log of HAProxy's, or one without them (journalctl -o cat)");
    return log;
}

/// HAProxy's answer, if it is none of the ring's lines, in words that help.
[[noreturn]] void refuse(std::string_view answer) {
    const auto line = answer.substr(0, answer.find('\n'));
    if (line.starts_with("No such event sink"))
        throw HaproxyError{fmt::format("HAProxy has no ring '{}': checkpgroutes(1) says how to set "
                                       "it up under HISTORY; --history FILE reads a log",
                                       history_ring)};
    if (line.starts_with("Permission denied"))
        throw HaproxyError{"HAProxy shows its ring from level operator on: see 'stats socket'"};
    if (line.starts_with("Unknown command"))
        throw HaproxyError{"this HAProxy has no rings (2.2 is the first that has): --history FILE "
                           "reads a log"};
    throw HaproxyError{fmt::format("HAProxy's ring '{}' has no times, as 'format timed' in its "
                                   "section has them: '{}'",
                                   history_ring, printable(line, quoted_at_most))};
}

/// When the process was started, by the second; it has said nothing before.
std::optional<WallTime> start_in(std::string_view info, WallTime now) {
    const auto uptime = uptime_in(info);
    if (!uptime)
        return std::nullopt;
    return std::chrono::floor<std::chrono::seconds>(now - std::chrono::seconds{*uptime});
}

HaproxyLog read_rings(const RoutesSettings& settings, LogReader reader, HistorySource& source) {
    const Deadline deadline = Deadline::in(settings.timeout);
    for (const StatsSocket& socket : sockets_of(settings))
        naming(socket, [&] {
            const auto answer =
                ask_haproxy(socket, fmt::format("show events {}", history_ring), deadline);
            LineCutter{reader}.add(answer);
            const bool timed = read_stamp(answer, source.now).has_value();
            if (!timed && answer.find_first_not_of('\n') != std::string::npos)
                refuse(answer);
            const auto start = start_in(ask_haproxy(socket, "show info", deadline), source.now);
            source.started = std::max(source.started, start);
        });
    HaproxyLog log = std::move(reader).take();
    if (source.started && log.begins) // uptime is in whole seconds
        source.started =
            std::min(*source.started, std::chrono::floor<std::chrono::seconds>(*log.begins) + 0ms);
    return log;
}

} // namespace

History look_back(const RoutesSettings& settings, const std::optional<std::string>& file,
                  std::optional<WallTime> since, WallTime now) {
    LogReader reader{settings.rules, now};
    HistorySource source{!file, file.value_or(history_ring), std::nullopt, now};
    if (!file) {
        HaproxyLog log = read_rings(settings, std::move(reader), source);
        return conclude_history(std::move(log), std::move(source), since);
    }
    source.name = *file == "-" ? "standard input" : *file;
    try {
        return conclude_history(read_log(*file, std::move(reader)), source, since);
    } catch (const HaproxyError& error) {
        throw HaproxyError{fmt::format("{}: {}", source.name, error.what())};
    }
}

} // namespace checkpg
