#include "check/connection.hpp"

#include "base/printable.hpp"
#include "check/password_file.hpp"
#include "check/sqlstate.hpp"
#include "check/tls_handshake.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <array>
#include <cstddef>
#include <linux/tcp.h> // glibc's tcp_info ends before tcpi_bytes_received
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace checkpg {

namespace {

/// More than any server says before its answer to one row of a question; beyond it someone is
/// trying to keep us busy.
constexpr std::size_t largest_conversation = std::size_t{64} * 1024;

/// Message type, length and authentication code (manual, section 55.7, AuthenticationRequest).
constexpr std::size_t authentication_header = 9;
constexpr std::uint32_t largest_authentication_request = 2000; // what libpq accepts
constexpr std::uint32_t authentication_ok = 0;
constexpr std::uint32_t sasl_continue = 11;

using Result = std::unique_ptr<PGresult, decltype(&PQclear)>;

std::uint32_t big_endian(const unsigned char* bytes) noexcept {
    return (std::uint32_t{bytes[0]} << 24) | (std::uint32_t{bytes[1]} << 16) |
           (std::uint32_t{bytes[2]} << 8) | std::uint32_t{bytes[3]};
}

/// Authentication codes of the manual, section 55.7.
std::string_view authentication_name(std::uint32_t code) noexcept {
    switch (code) {
    case 0:
        return "none asked for";
    case 2:
        return "Kerberos 5";
    case 3:
        return "password";
    case 5:
        return "md5";
    case 7:
        return "GSSAPI";
    case 9:
        return "SSPI";
    case 10:
        return "SASL (SCRAM-SHA-256)";
    default:
        return "unknown";
    }
}

/// Whether the other end has gone, seen without taking anything.
bool is_lost(int socket) noexcept {
    char byte = 0;
    const auto got = ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
}

void ignore_notice(void*, const PGresult*) {}

using Handle = std::unique_ptr<PGconn, decltype(&PQfinish)>;

/// libpq wants keywords and values as two arrays that end in null.
Handle start(const std::vector<Setting>& settings) {
    std::vector<const char*> keywords;
    std::vector<const char*> values;
    for (const Setting& setting : settings) {
        keywords.push_back(setting.key.c_str());
        values.push_back(setting.value.c_str());
    }
    keywords.push_back(nullptr);
    values.push_back(nullptr);
    Handle connection{PQconnectStartParams(keywords.data(), values.data(), 0), &PQfinish};
    if (!connection)
        throw std::bad_alloc{};
    return connection;
}

/// A failure that is the same wherever one connects to lies in the settings, such as an sslmode
/// that doesn't exist. libpq tells that apart from a refused connection only in words.
bool fails_anywhere(const std::vector<Setting>& settings, std::string_view message) {
    auto elsewhere = settings;
    for (Setting& setting : elsewhere)
        if (setting.key == "host")
            setting.value = "/dev/null"; // no directory: no socket can be in it
        else if (setting.key == "hostaddr")
            setting.value.clear();
    return message == PQerrorMessage(start(elsewhere).get());
}

} // namespace

void Connection::Finish::operator()(PGconn* connection) const noexcept { PQfinish(connection); }

Connection::Connection(const std::vector<Setting>& settings) { begin(settings); }

Connection::~Connection() = default;
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;

void Connection::begin(const std::vector<Setting>& settings) {
    connection_.reset(start(settings).release());
    PQsetErrorVerbosity(connection_.get(), PQERRORS_VERBOSE);
    PQsetNoticeReceiver(connection_.get(), ignore_notice, nullptr);
    secret_ = PQpass(connection_.get());
    password_file_ = value_of(settings, "passfile");
    key_has_password_ = !value_of(settings, "sslpassword").empty();
    authentication_required_ = !value_of(settings, "require_auth").empty();
    if (value_of(settings, "sslnegotiation") == "direct")
        expect_tls(); // libpq 17: without a request that could be refused
    contact_.address = value_of(settings, "hostaddr");
    if (contact_.address.empty())
        contact_.address = value_of(settings, "host");
    contact_.port = value_of(settings, "port");
    if (PQstatus(connection_.get()) == CONNECTION_BAD)
        fail_to_begin(settings);
    else
        events_ = POLLOUT; // manual, section 34.2: as if PQconnectPoll had said "writing"
}

void Connection::fail_to_begin(const std::vector<Setting>& settings) {
    const std::string message = PQerrorMessage(connection_.get());
    fail_with_message(fails_anywhere(settings, message) ? ExitCode::configuration
                                                        : ExitCode::unreachable,
                      message);
}

int Connection::socket() const noexcept { return PQsocket(connection_.get()); }

void Connection::advance() {
    if (flooded())
        fail(ExitCode::unexpected_answer,
             fmt::format("the server sends more than {} kB: no answer of PostgreSQL",
                         largest_conversation / 1024));
    else if (state_ == State::connecting)
        advance_connecting();
    else if (state_ == State::asking)
        advance_asking();
}

void Connection::advance_connecting() {
    PGconn* const connection = connection_.get();
    look_ahead();
    const ConnStatusType status = PQstatus(connection);
    switch (PQconnectPoll(connection)) {
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
    if (!contact_.connected && status != CONNECTION_STARTED && state_ != State::failed)
        contact_.connected = Deadline::Clock::now();
}

void Connection::fail_to_connect(int status) {
    PGconn* const connection = connection_.get();
    if (PQconnectionNeedsPassword(connection) != 0)
        fail(ExitCode::access_denied, why_no_password(password_file_));
    else if (!glimpse_.tls_refusal.empty())
        fail(ExitCode::access_denied, "the server refused us over TLS: " + glimpse_.tls_refusal);
    else
        fail_with_message(code_of_failed_connect(status), PQerrorMessage(connection));
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

void Connection::ask(const Question& question) {
    answer_.reset();
    question_ = question;
    if (PQsendQuery(connection_.get(), state_query(question).c_str()) == 0) {
        fail_with_message(ExitCode::unexpected_answer, PQerrorMessage(connection_.get()));
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
        fail_with_message(ExitCode::unexpected_answer, PQerrorMessage(connection));
}

/// Takes in what has arrived: exactly one result, a good one, and then the end.
void Connection::collect_answer() {
    PGconn* const connection = connection_.get();
    while (state_ == State::asking && PQisBusy(connection) == 0) {
        const Result result{PQgetResult(connection), &PQclear};
        if (!result && answer_) {
            state_ = State::ready;
            events_ = 0;
            contact_.answered = Deadline::Clock::now();
        } else if (!result || answer_) {
            fail(ExitCode::unexpected_answer, "the answer is not one result");
        } else {
            take_result(result.get());
        }
    }
}

void Connection::take_result(const PGresult* result) {
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        fail_with_message(ExitCode::unexpected_answer, PQresultErrorMessage(result));
        if (failure_.code == ExitCode::access_denied)
            failure_.text += "; " + grants_for(question_, quoted_user());
        return;
    }
    try {
        answer_ = read_state(question_, result);
    } catch (const std::invalid_argument& error) {
        fail(ExitCode::unexpected_answer, error.what());
    }
}

std::string Connection::quoted_user() const {
    PGconn* const connection = connection_.get();
    const std::string_view user = PQuser(connection);
    const std::unique_ptr<char, decltype(&PQfreemem)> quoted{
        PQescapeIdentifier(connection, user.data(), user.size()), &PQfreemem};
    return quoted ? printable_line(quoted.get(), secret_) : std::string{user};
}

void Connection::time_out() {
    std::string_view waiting = "for the answer";
    if (state_ == State::connecting)
        waiting = !contact_.connected               ? "for the connection"
                  : contact_.authentication.empty() ? "for the server's first word"
                                                    : "for the log-in";
    fail(ExitCode::timed_out, fmt::format("waited {}", waiting));
}

/// libpq's own decisions become visible only as texts in words. So what decides between exit
/// codes is looked at before libpq takes it in: the reply to the request for TLS, and whether a
/// message asks for authentication.
void Connection::look_ahead() {
    std::array<unsigned char, authentication_header> bytes{};
    PGconn* const connection = connection_.get();
    const ConnStatusType status = PQstatus(connection);
    auto* const tls = static_cast<ssl_st*>(PQsslStruct(connection, "OpenSSL"));
    if (status == CONNECTION_SSL_STARTUP && tls == nullptr) {
        const auto length = ::recv(socket(), bytes.data(), 1, MSG_PEEK | MSG_DONTWAIT);
        glimpse_.tls_reply = length == 1 ? static_cast<char>(bytes[0]) : '\0';
        if (glimpse_.tls_reply == 'S')
            expect_tls();
    } else if (status == CONNECTION_AWAITING_RESPONSE && tls != nullptr) {
        const TlsGlimpse glimpse = peek_tls(tls, bytes.data(), bytes.size());
        glimpse_.tls_refusal = glimpse.refusal;
        look_at_message(bytes.data(), glimpse.length);
    } else if (status == CONNECTION_AWAITING_RESPONSE) {
        const auto length = ::recv(socket(), bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
        look_at_message(bytes.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
    }
    take_tls_end();
}

void Connection::expect_tls() {
    glimpse_.tls_reply = 'S';
    prepare_openssl(key_has_password_);
    observe_tls();
}

void Connection::look_at_message(const unsigned char* bytes, std::size_t length) {
    if (length == 0)
        return;
    glimpse_.may_refuse = false;
    if (bytes[0] != 'R' || length < authentication_header)
        return; // if only part of it is there, libpq waits for the rest, and so do we
    const auto size = big_endian(bytes + 1);
    const auto code = big_endian(bytes + 5);
    if (size < authentication_header - 1 || size > largest_authentication_request)
        return;
    glimpse_.may_refuse =
        code != sasl_continue && (code != authentication_ok || authentication_required_);
    if (code != authentication_ok)
        prepare_openssl(key_has_password_);
    if (contact_.authentication.empty())
        contact_.authentication = authentication_name(code);
}

/// Counts what has arrived, before libpq reads it. The kernel does that for TCP (since Linux 4.1);
/// on a UNIX socket, of which libpq reads all that fits its buffer, what waits is added up.
bool Connection::flooded() noexcept {
    tcp_info info{};
    socklen_t size = sizeof info;
    int waiting = 0;
    if (::getsockopt(socket(), IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
        size > offsetof(tcp_info, tcpi_bytes_received))
        received_ = info.tcpi_bytes_received;
    else if (::ioctl(socket(), FIONREAD, &waiting) == 0 && waiting > 0)
        received_ += static_cast<std::size_t>(waiting);
    return received_ > largest_conversation;
}

void Connection::fail(ExitCode code, std::string_view text) {
    state_ = State::failed;
    events_ = 0;
    failure_.code = code;
    failure_.text = printable_line(text, secret_);
}

void Connection::fail_with_message(ExitCode otherwise, std::string_view message) {
    const ErrorText error = take_apart(message);
    failure_.sqlstate = error.sqlstate;
    fail(error.sqlstate.empty() ? otherwise : code_of_sqlstate(error.sqlstate), error.text);
}

/// `status` is what libpq was about to do when it failed without an SQLSTATE.
ExitCode Connection::code_of_failed_connect(int status) const {
    const bool gave_up_by_itself = socket() != -1 && !is_lost(socket());
    switch (status) {
    case CONNECTION_STARTED:
        return ExitCode::unreachable;
    case CONNECTION_SSL_STARTUP:
        return code_of_failed_tls();
    case CONNECTION_MADE: // requirepeer, or GSSAPI encryption that we can't do
        return gave_up_by_itself ? ExitCode::access_denied : ExitCode::unexpected_answer;
    case CONNECTION_AWAITING_RESPONSE:
        return gave_up_by_itself && glimpse_.may_refuse ? ExitCode::access_denied
                                                        : ExitCode::unexpected_answer;
    default:
        return ExitCode::unexpected_answer;
    }
}

ExitCode Connection::code_of_failed_tls() const {
    if (glimpse_.tls_reply == 'N') // and sslmode demands TLS
        return ExitCode::access_denied;
    if (glimpse_.tls_reply != 'S' || socket() == -1) // libpq closed it: lost before the handshake
        return ExitCode::unexpected_answer;
    if (PQsslStruct(connection_.get(), "OpenSSL") != nullptr)
        return ExitCode::unexpected_answer; // something was injected before the handshake
    switch (take_tls_end()) {
    case TlsEnd::none: // libpq reads our files only now, before it sends anything
    case TlsEnd::not_started:
        return ExitCode::configuration;
    case TlsEnd::refused_by_us:
    case TlsEnd::refused_by_server:
        return ExitCode::access_denied;
    default:
        return ExitCode::unexpected_answer;
    }
}

} // namespace checkpg
