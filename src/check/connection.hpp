#pragma once

#include "base/deadline.hpp"
#include "base/exit_code.hpp"
#include "check/failure.hpp"
#include "check/flood_guard.hpp"
#include "check/libpq_handle.hpp"
#include "check/look_ahead.hpp"
#include "check/objection.hpp"
#include "check/server_state.hpp"
#include "check/settings.hpp"
#include "check/sqlstate.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace checkpg {

/// What is known of a conversation with a server beside its answer, for people to read.
struct Contact {
    std::string address; ///< what was connected to: an IP address or a socket's directory
    std::string port;
    std::string tls;            ///< protocol and cipher, empty without TLS
    std::string authentication; ///< "SCRAM-SHA-256", "none asked for"
    int server_version = 0;     ///< as PQserverVersion(3): 150018
    std::optional<Deadline::Clock::time_point> connected, authenticated, answered;
};

/// One connection to one server, as a state machine over non-blocking libpq: whoever owns it
/// waits for socket() and events() and calls advance(). Connecting and asking are separate, so
/// that a connection can be asked again. Closes properly when destroyed, so that the server's log
/// shows no broken connection.
class Connection {
public:
    enum class State { connecting, ready, asking, failed };

    /// Begins to connect. `settings` are libpq keywords; host names must have been resolved.
    explicit Connection(const std::vector<Setting>& settings);

    State state() const noexcept { return state_; }
    int socket() const noexcept;                      ///< to wait on; -1 if there is none
    short events() const noexcept { return events_; } ///< for poll(2)

    /// Goes on as far as possible without waiting; call it when socket() has one of events().
    void advance();

    /// Sends the question; only when ready. advance() then leads back to ready, or to failed.
    void ask(const Question& question);

    /// The state in the answer to the last ask(); only when ready again.
    const ServerState& answer() const noexcept { return *answer_; }

    /// The same as the server sent it, one row.
    const pg_result* result() const noexcept { return result_.get(); }

    /// A child process has this connection, too, and goes on with it: it is closed here without a
    /// word to the server, and failed.
    void leave_to_child() noexcept;

    /// Gives back what only a log-in needs, and what a question needs once it is answered. For a
    /// connection that waits long; only when ready.
    void save_memory() noexcept;

    /// Gives up at the deadline: failed, with words for what was being waited for. The sign is
    /// what its silence shows: only who listens knows. If our words never left, nothing.
    void time_out(Sign sign);

    const Failure& failure() const noexcept { return failure_; } ///< only when failed
    const Contact& contact() const noexcept { return contact_; }

private:
    void fail_to_start(const std::vector<Setting>& settings);
    void advance_connecting();
    void connected();
    void fail_to_connect(int status);
    void advance_asking();
    void collect_answer();
    void take_result(const pg_result* result);
    std::string quoted_user() const;
    bool has_spoken() const noexcept;
    void fail_asking(std::string_view message);
    void fail(ExitCode otherwise, const Breakdown& breakdown, const ErrorText& error);
    void fail(ExitCode code, Sign sign, std::string_view text);

    ConnectionHandle connection_;
    State state_ = State::connecting;
    short events_ = 0;
    LookAhead look_ahead_;
    FloodGuard flood_guard_;
    std::string secret_; ///< the password, never to be shown
    std::string password_file_;
    Question question_;
    std::uint64_t sent_before_ = 0; ///< bytes, before we last spoke
    std::optional<ServerState> answer_;
    ResultHandle result_;
    Failure failure_;
    Contact contact_;
};

} // namespace checkpg
