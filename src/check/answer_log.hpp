#pragma once

#include "base/exit_code.hpp"
#include "base/show_stat.hpp"
#include "base/stats_socket.hpp"
#include "check/invocation.hpp"
#include "check/settings.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace checkpg {

/// `log = syslog`: a check in HAProxy form leaves its one sentence in the system's log if its
/// answer is another than the former one of this server in this backend. That one is HAProxy's own
/// memory, the `check_code` of its table: there is no state of ours that could be lost, or be
/// another's. What can't be asked or can't be written is left out. It costs no verdict, and time
/// only where HAProxy is silent: half a second at most.
class AnswerLog {
public:
    /// Puts the question to HAProxy, which answers while the check asks the server.
    AnswerLog(const HaproxyServer& server, const Settings& settings);

    /// Leaves the line by the deadline, if there is to be one. Returns what became of it, for
    /// people.
    std::string leave(std::string_view program, std::string_view sentence, ExitCode code,
                      Deadline deadline) const;

private:
    StatRow former_answer(Deadline deadline) const;

    const HaproxyServer& server_;
    std::optional<StatsSocket> socket_;
    std::optional<HaproxyCommand> question_;
    std::string obstacle_; ///< why there is no question
};

/// Whether HAProxy's line of a server shows that its former check didn't end with this code.
bool is_another_answer(const StatRow& former, ExitCode code) noexcept;

/// The server's line in HAProxy's answer to `show stat`. Throws HaproxyError if that is no such
/// answer, or is about another server: then it is another HAProxy's.
StatRow row_of_server(std::string_view answer, const HaproxyServer& server);

/// "BACKEND/SERVER: exit code 2 (unreachable): SENTENCE", without what could end the line.
std::string log_line(const HaproxyServer& server, std::string_view sentence, ExitCode code);

} // namespace checkpg
