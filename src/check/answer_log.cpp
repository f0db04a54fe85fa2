#include "check/answer_log.hpp"

#include "base/descriptor.hpp"
#include "base/haproxy_error.hpp"
#include "base/printable.hpp"
#include "base/words.hpp"
#include "check/haproxy_peers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace checkpg {

namespace {

/// To be connected to HAProxy, which takes it from the server's time.
milliseconds patience_before(const Settings& settings) noexcept {
    return std::min(milliseconds{50}, settings.timeout / 10);
}

/// A HAProxy that is too busy to answer is too busy to take a verdict: waiting delays none.
constexpr milliseconds patience_after{500};

/// HAProxy's header, which grows with its versions, and one line.
constexpr std::size_t longest_answer = 65'536;

std::string question_about(const HaproxyServer& server) {
    constexpr int servers = 4;
    if (!is_alphanumeric(server.backend_number, "") || !is_alphanumeric(server.number, ""))
        throw HaproxyError{"HAPROXY_PROXY_ID and HAPROXY_SERVER_ID don't say which server it is"};
    return fmt::format("show stat {} {} {}", server.backend_number, servers, server.number);
}

/// A message for syslog as the programs of a machine leave it: without a time, which its reader
/// knows, and a jail has no time zone. Returns errno.
int send_to_syslog(std::string_view program, std::string_view line) {
    constexpr int local0 = 16, notice = 5; // HAProxy's own facility in our examples
    const Descriptor socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    const sockaddr_un address{AF_UNIX, "/dev/log"};
    const auto message =
        fmt::format("<{}>{}[{}]: {}", local0 * 8 + notice, program, ::getpid(), line);
    const auto sent = ::sendto(socket.get(), message.data(), message.size(), MSG_NOSIGNAL,
                               reinterpret_cast<const sockaddr*>(&address), sizeof address);
    return sent < 0 ? errno : 0;
}

} // namespace

AnswerLog::AnswerLog(const HaproxyServer& server, const Settings& settings) : server_{server} {
    try {
        socket_ = haproxy_socket(settings);
        const auto question = question_about(server);
        const auto deadline = Deadline::in(patience_before(settings));
        naming(*socket_, [&] { question_.emplace(*socket_, question, deadline); });
    } catch (const HaproxyError& error) {
        obstacle_ = error.what();
    }
}

StatRow AnswerLog::former_answer(Deadline deadline) const {
    if (!question_)
        throw HaproxyError{obstacle_};
    const auto end = earlier(deadline, Deadline::in(patience_after));
    return naming(*socket_, [&] { return row_of_server(question_->answer(end), server_); });
}

std::string AnswerLog::leave(std::string_view program, std::string_view sentence, ExitCode code,
                             Deadline deadline) const {
    try {
        if (!is_another_answer(former_answer(deadline), code))
            return "not logged: the answer of HAProxy's last check was the same";
    } catch (const std::exception& error) { // no memory, too: nothing here may touch the verdict
        return fmt::format(
            "not logged: HAProxy can't be asked for the answer of its last check: {}",
            error.what());
    }
    if (const int error = send_to_syslog(program, log_line(server_, sentence, code)))
        return fmt::format("not logged: /dev/log: {}", std::strerror(error));
    return "logged: the answer of HAProxy's last check was another";
}

bool is_another_answer(const StatRow& former, ExitCode code) noexcept {
    const std::string_view status{former.check_status}; // with a sign that a check is under way
    if (code == ExitCode::ok)
        return !status.ends_with("PROCOK");
    return !status.ends_with("PROCERR") || former.check_code != to_int(code);
}

StatRow row_of_server(std::string_view answer, const HaproxyServer& server) {
    if (answer.size() > longest_answer)
        throw HaproxyError{"the answer is more than one server's line"};
    const auto rows = parse_show_stat(answer);
    if (rows.size() != 1 || rows.front().proxy != server.backend ||
        rows.front().server != server.name)
        throw HaproxyError{fmt::format("it has no server {}/{} of these numbers: it is another "
                                       "HAProxy's",
                                       printable(server.backend), printable(server.name))};
    return rows.front();
}

std::string log_line(const HaproxyServer& server, std::string_view sentence, ExitCode code) {
    return printable(fmt::format("{}/{}: exit code {} ({}): {}", server.backend, server.name,
                                 to_int(code), words(code), sentence));
}

} // namespace checkpg
