#pragma once

#include "base/deadline.hpp"
#include "base/exit_code.hpp"
#include "check/server_state.hpp"
#include "check/settings.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct pg_conn;

namespace checkpg {

/// Why a server gave no answer.
struct Failure {
    ExitCode code = ExitCode::internal;
    std::string sqlstate; ///< the server's, empty if it gave none
    std::string text;     ///< one line, fit to print, no secret in it
};

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
    ~Connection();
    Connection(Connection&&) noexcept;
    Connection& operator=(Connection&&) noexcept;

    State state() const noexcept { return state_; }
    int socket() const noexcept;                      ///< to wait on; -1 if there is none
    short events() const noexcept { return events_; } ///< for poll(2)

    /// Goes on as far as possible without waiting; call it when socket() has one of events().
    void advance();

    /// Sends the question; only when ready. advance() then leads back to ready, or to failed.
    void ask(const Question& question);

    /// The state in the answer to the last ask(); only when ready again.
    const ServerState& answer() const noexcept { return *answer_; }

    /// Gives up at the deadline: failed, with words for what was being waited for.
    void time_out();

    const Failure& failure() const noexcept { return failure_; } ///< only when failed
    const Contact& contact() const noexcept { return contact_; }

private:
    struct Finish {
        void operator()(pg_conn* connection) const noexcept;
    };
    /// What the server has shown of itself before libpq took it in; see look_ahead().
    struct Glimpse {
        char tls_reply = '\0'; ///< to the request for TLS: 'S' or 'N'
        /// The last message wants a log-in that we may not be able or willing to do. If libpq gives
        /// up at any other one, the message itself was wrong.
        bool may_refuse = false;
        std::string tls_refusal; ///< TLS 1.3: our certificate is judged after the handshake
    };

    void begin(const std::vector<Setting>& settings);
    void fail_to_begin(const std::vector<Setting>& settings);
    void advance_connecting();
    void fail_to_connect(int status);
    void advance_asking();
    void collect_answer();
    void take_result(const pg_result* result);
    void connected();
    void look_ahead();
    void expect_tls();
    std::string quoted_user() const;
    void look_at_message(const unsigned char* bytes, std::size_t length);
    bool flooded() noexcept;
    void fail(ExitCode code, std::string_view text);
    void fail_with_message(ExitCode otherwise, std::string_view message);
    ExitCode code_of_failed_connect(int status) const;
    ExitCode code_of_failed_tls() const;

    std::unique_ptr<pg_conn, Finish> connection_;
    State state_ = State::connecting;
    short events_ = 0;
    Glimpse glimpse_;
    std::size_t received_ = 0;
    std::string secret_; ///< the password, never to be shown
    std::string password_file_;
    bool authentication_required_ = false; ///< require_auth is set (libpq 16)
    bool key_has_password_ = false;        ///< sslpassword is set
    Question question_;
    std::optional<ServerState> answer_;
    Failure failure_;
    Contact contact_;
};

} // namespace checkpg
