#include "check/connection.hpp"

#include "base/printable.hpp"
#include "check/failed_connect.hpp"
#include "check/memory.hpp"
#include "check/password_file.hpp"
#include "check/sqlstate.hpp"
#include "check/tcp_bytes.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <openssl/ssl.h>

#include <fcntl.h>
#include <malloc.h>
#include <memory>
#include <poll.h>
#include <stdexcept>
#include <unistd.h>
#include <utility>

namespace checkpg {

namespace {

void ignore_notice(void*, const PGresult*) {}

/// libpq comes to these by saying something.
bool awaits_a_reply(ConnStatusType status) noexcept {
    return status == CONNECTION_SSL_STARTUP || status == CONNECTION_AWAITING_RESPONSE;
}

} // namespace

Connection::Connection(const std::vector<Setting>& settings)
    : connection_{start_connecting(settings)}, look_ahead_{settings},
      secret_{PQpass(connection_.get())}, password_file_{value_of(settings, "passfile")} {
    PQsetErrorVerbosity(connection_.get(), PQERRORS_VERBOSE); // with the SQLSTATE
    PQsetNoticeReceiver(connection_.get(), ignore_notice, nullptr);
    contact_.address = value_of(settings, "hostaddr");
    if (contact_.address.empty())
        contact_.address = value_of(settings, "host");
    contact_.port = value_of(settings, "port");
    if (PQstatus(connection_.get()) == CONNECTION_BAD)
        fail_to_start(settings);
    else
        events_ = POLLOUT; // manual, section 34.2: as if PQconnectPoll had said "writing"
}

void Connection::fail_to_start(const std::vector<Setting>& settings) {
    const std::string message = PQerrorMessage(connection_.get());
    const ErrorText error = take_apart(message);
    fail(code_of_failed_start(settings, message),
         breakdown_of(connection_.get(), CONNECTION_STARTED, look_ahead_, error), error);
}

int Connection::socket() const noexcept { return PQsocket(connection_.get()); }

void Connection::advance() {
    if (flood_guard_.flooded(socket()))
        fail(ExitCode::unexpected_answer, Sign::absurd,
             fmt::format("the server sends more than {} kB: no answer of PostgreSQL",
                         FloodGuard::most / 1024));
    else if (state_ == State::connecting)
        advance_connecting();
    else if (state_ == State::asking)
        advance_asking();
}

void Connection::advance_connecting() {
    PGconn* const connection = connection_.get();
    look_ahead_.look(connection);
    if (!contact_.connected && look_ahead_.connected())
        contact_.connected = Deadline::Clock::now();
    if (contact_.authentication.empty())
        contact_.authentication = look_ahead_.authentication();
    if (!look_ahead_.unverified().empty()) {
        fail(ExitCode::configuration, Sign::none, look_ahead_.unverified());
        return;
    }
    const ConnStatusType status = PQstatus(connection);
    const auto sent = tcp_bytes(socket()).sent.value_or(0);
    const PostgresPollingStatusType next = PQconnectPoll(connection);
    if (PQstatus(connection) != status && awaits_a_reply(PQstatus(connection)))
        sent_before_ = sent;
    switch (next) {
    case PGRES_POLLING_READING:
        events_ = POLLIN;
        break;
    case PGRES_POLLING_WRITING:
        events_ = POLLOUT;
        break;
    case PGRES_POLLING_OK:
        connected();
        break;
    default:
        fail_to_connect(status);
    }
}

void Connection::connected() {
    PGconn* const connection = connection_.get();
    PQsetnonblocking(connection, 1);
    state_ = State::ready;
    events_ = 0;
    contact_.authenticated = Deadline::Clock::now();
    contact_.server_version = PQserverVersion(connection);
    contact_.address =
        PQhostaddr(connection)[0] != '\0' ? PQhostaddr(connection) : PQhost(connection);
    if (PQsslInUse(connection) != 0)
        contact_.tls = fmt::format("{}, {}", PQsslAttribute(connection, "protocol"),
                                   PQsslAttribute(connection, "cipher"));
}

void Connection::fail_to_connect(int status) {
    PGconn* const connection = connection_.get();
    if (PQconnectionNeedsPassword(connection) != 0) {
        // libpq takes a password file that it could not read for one without the password.
        const bool could_be_asked = can_be_read(password_file_) && !is_short_of_memory();
        fail(ExitCode::access_denied, could_be_asked ? Sign::refused : Sign::none,
             why_no_password(password_file_));
    } else if (!look_ahead_.tls_refusal().empty()) {
        fail(ExitCode::access_denied, Sign::refused,
             "the server refused us over TLS: " + look_ahead_.tls_refusal());
    } else {
        const ErrorText error = take_apart(PQerrorMessage(connection));
        const Breakdown breakdown = breakdown_of(connection, status, look_ahead_, error);
        fail(code_of_failed_connect(connection, breakdown, look_ahead_), breakdown, error);
    }
}

void Connection::ask(const Question& question) {
    answer_.reset();
    result_.reset();
    question_ = question;
    flood_guard_.start_anew();
    sent_before_ = tcp_bytes(socket()).sent.value_or(0);
    if (PQsendQuery(connection_.get(), state_query(question).c_str()) == 0) {
        fail_asking(PQerrorMessage(connection_.get()));
        return;
    }
    state_ = State::asking;
    events_ = POLLIN;
    advance_asking();
}

void Connection::advance_asking() {
    PGconn* const connection = connection_.get();
    const bool readable = PQconsumeInput(connection) != 0;
    const int unsent = PQflush(connection);
    events_ = static_cast<short>(unsent > 0 ? POLLIN | POLLOUT : POLLIN);
    collect_answer();
    if (state_ == State::asking && (!readable || unsent < 0))
        fail_asking(PQerrorMessage(connection));
}

/// Takes in what has arrived: exactly one result, a good one, and then the end.
void Connection::collect_answer() {
    PGconn* const connection = connection_.get();
    while (state_ == State::asking && PQisBusy(connection) == 0) {
        ResultHandle result{PQgetResult(connection)};
        if (!result && answer_) {
            state_ = State::ready;
            events_ = 0;
            contact_.answered = Deadline::Clock::now();
        } else if (!result || answer_) {
            fail(ExitCode::unexpected_answer, Sign::absurd, "the answer is not one result");
        } else {
            take_result(result.get());
            result_ = std::move(result);
        }
    }
}

void Connection::take_result(const PGresult* result) {
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        fail_asking(PQresultErrorMessage(result));
        if (failure_.code == ExitCode::access_denied)
            failure_.text += "; " + grants_for(question_, quoted_user());
        return;
    }
    try {
        answer_ = read_state(question_, result);
    } catch (const std::invalid_argument& error) {
        fail(ExitCode::unexpected_answer, Sign::absurd, error.what());
    }
}

/// libpq says good-bye to the server as it closes: to the one that is no socket any more.
void Connection::leave_to_child() noexcept {
    const int nothing = ::open("/", O_PATH | O_CLOEXEC);
    if (nothing == -1 || ::dup2(nothing, socket()) == -1)
        ::close(socket());
    ::close(nothing);
    connection_.reset();
    state_ = State::failed;
    events_ = 0;
}

void Connection::save_memory() noexcept {
    if (void* const tls = PQsslStruct(connection_.get(), "OpenSSL"))
        SSL_set_mode(static_cast<SSL*>(tls), SSL_MODE_RELEASE_BUFFERS);
    ::malloc_trim(0);
}

std::string Connection::quoted_user() const {
    PGconn* const connection = connection_.get();
    const std::string_view user = PQuser(connection);
    const std::unique_ptr<char, decltype(&PQfreemem)> quoted{
        PQescapeIdentifier(connection, user.data(), user.size()), &PQfreemem};
    return quoted ? printable_line(quoted.get(), secret_) : std::string{user};
}

/// libpq keeps a send(2) that failed to itself and waits for the answer (since release 14,
/// src/interfaces/libpq/fe-misc.c).
bool Connection::has_spoken() const noexcept {
    const auto sent = tcp_bytes(socket()).sent;
    return !contact_.connected || !sent || *sent > sent_before_;
}

void Connection::time_out(Sign sign) {
    if (!has_spoken()) {
        fail(ExitCode::timed_out, Sign::none, "nothing could be sent to it");
        return;
    }
    std::string_view waiting = "for the answer";
    if (state_ == State::connecting)
        waiting = !contact_.connected               ? "for the connection"
                  : contact_.authentication.empty() ? "for the server's first word"
                                                    : "for the log-in";
    fail(ExitCode::timed_out, sign, fmt::format("waited {}", waiting));
}

void Connection::fail_asking(std::string_view message) {
    const ErrorText error = take_apart(message);
    fail(ExitCode::unexpected_answer,
         breakdown_of(connection_.get(), CONNECTION_OK, look_ahead_, error), error);
}

/// `otherwise` is the code if the server gave no SQLSTATE.
void Connection::fail(ExitCode otherwise, const Breakdown& breakdown, const ErrorText& error) {
    failure_.sqlstate = error.sqlstate;
    fail(error.sqlstate.empty() ? otherwise : code_of_sqlstate(error.sqlstate), sign_of(breakdown),
         error.text);
}

void Connection::fail(ExitCode code, Sign sign, std::string_view text) {
    state_ = State::failed;
    events_ = 0;
    failure_.code = code;
    failure_.sign = sign;
    failure_.text = printable_line(text, secret_);
}

} // namespace checkpg
