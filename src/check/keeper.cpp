#include "check/keeper.hpp"

#include "base/descriptor.hpp"
#include "base/file_identity.hpp"
#include "base/stdio.hpp"
#include "check/connection_subject.hpp"
#include "check/keeper_words.hpp"
#include "check/process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <memory>
#include <optional>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace checkpg {

namespace {

using namespace std::chrono_literals;
using Clock = Deadline::Clock;

constexpr milliseconds longest_idleness = 1min;

/// A check says what it wants as soon as it has connected.
constexpr milliseconds longest_hesitation = 50ms;

/// Checks of many backends, at one moment; more find no room and go to the server themselves.
constexpr int most_waiting_checks = 64;

constexpr std::string_view too_many_connections = "53300";

/// What ps(1) shows; the kernel keeps 15 bytes.
constexpr const char* keeper_name = "checkpg keeper";

/// Thrown where the keeper has to end.
struct End {};

/// The process that holds a connection. One check at a time has it; others wait at the socket.
class Keeper {
public:
    Keeper(const Settings& settings, const std::vector<Setting>& server, const std::string& subject,
           Connection connection, Descriptor listener, Descriptor caller)
        : settings_{settings}, server_{server}, subject_{subject},
          connection_{std::make_unique<Connection>(std::move(connection))},
          listener_{std::move(listener)}, caller_{std::move(caller)} {}

    /// Until something throws End.
    [[noreturn]] void run() {
        connection_->save_memory();
        while (true) {
            wait();
            if (!start_watchdog(Deadline::in(settings_.timeout)))
                throw End{};
            if (woken(at_caller))
                throw End{};
            watch_server();
            attend_to_check();
            log_in_anew();
        }
    }

private:
    enum Place : std::size_t {
        at_listener,
        at_check,
        at_server,
        at_next_log_in,
        at_caller,
        places
    };

    bool asking() const noexcept { return connection_->state() == Connection::State::asking; }
    bool woken(Place place) const noexcept { return waits_[place].revents != 0; }

    /// Until one of the sockets has something, or it is time for something.
    void wait() {
        auto moment = check_ ? check_until_ : idle_until();
        if (!(next_ && asking())) // nothing becomes of it before the answer
            moment = std::min(moment, log_in_at_);
        waits_[at_listener] = {check_ ? -1 : listener_.get(), POLLIN, 0};
        waits_[at_check] = {check_ && !asking() ? check_->get() : -1, POLLIN, 0};
        waits_[at_server] = {connection_->socket(), POLLIN, 0};
        waits_[at_next_log_in] = {-1, 0, 0};
        waits_[at_caller] = {caller_.get(), POLLIN, 0};
        if (asking())
            waits_[at_server].events = connection_->events();
        if (next_ && next_->state() == Connection::State::connecting)
            waits_[at_next_log_in] = {next_->socket(), next_->events(), 0};
        const timespec limit = as_timespec(Deadline{moment}.remaining());
        stop_watchdog();
        if (::ppoll(waits_.data(), waits_.size(), &limit, nullptr) <= 0)
            for (pollfd& place : waits_)
                place.revents = 0;
    }

    Clock::time_point idle_until() const noexcept {
        return idle_since_ + std::min(settings_.keep, longest_idleness);
    }

    /// What a server says unasked is that it ends this session, or nothing we know.
    void watch_server() {
        if (!woken(at_server))
            return;
        if (!asking())
            throw End{};
        connection_->advance();
        pass_answer_on();
    }

    /// Once there is one.
    void pass_answer_on() {
        if (connection_->state() == Connection::State::failed)
            throw End{};
        if (!asking())
            say(packet_of(id_, age(), connection_->result()));
    }

    void attend_to_check() {
        if (woken(at_listener))
            accept_check();
        else if (woken(at_check))
            hear_check();
        if (check_ && Clock::now() >= check_until_)
            give_up_check();
        if (!check_ && Clock::now() >= idle_until())
            throw End{};
    }

    void accept_check() {
        Descriptor check{
            ::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
        if (check.get() == -1 && errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
            throw End{}; // it would find the same again at once
        if (check.get() == -1 || !is_our_user(check.get()))
            return;
        check_.emplace(std::move(check));
        check_until_ = Clock::now() + longest_hesitation;
    }

    /// A check that has gone meanwhile wants nothing any more.
    void hear_check() {
        std::array<char, longest_packet> packet; // left as it is: recv(2) fills it
        const auto got = ::recv(check_->get(), packet.data(), packet.size(), MSG_TRUNC);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        const bool gone = (waits_[at_check].revents & POLLHUP) != 0;
        const bool whole = got > 0 && static_cast<std::size_t>(got) <= packet.size();
        const auto request =
            whole ? read_request({packet.data(), static_cast<std::size_t>(got)}) : std::nullopt;
        if (gone || !request || request->subject != subject_)
            check_.reset();
        else
            answer(*request);
    }

    void answer(const KeeperRequest& request) {
        id_ = request.id;
        if (!request.question) {
            say(packet_of(id_, age(), nullptr));
            return;
        }
        idle_since_ = Clock::now();
        check_until_ = idle_since_ + std::min(request.patience, settings_.timeout);
        connection_->ask(*request.question);
        pass_answer_on();
    }

    void say(const std::string& packet) {
        if (!packet.empty())
            ::send(check_->get(), packet.data(), packet.size(), MSG_NOSIGNAL);
        check_.reset();
    }

    /// One that said nothing has lost its turn. One whose question the server left open shows that
    /// this connection is no good.
    void give_up_check() {
        if (asking())
            throw End{};
        check_.reset();
    }

    /// What only a new connection shows is seen after each `keep`: another password, another
    /// pg_hba.conf, a postmaster that no longer answers. For want of connections the old one stays:
    /// it proves the role all the same.
    void log_in_anew() {
        if (!next_ && Clock::now() >= log_in_at_) {
            end_if_changed();
            next_ = std::make_unique<Connection>(server_);
            log_in_at_ = Clock::now() + settings_.timeout;
        } else if (next_ && woken(at_next_log_in)) {
            next_->advance();
        }
        if (!next_ || asking())
            return;
        if (next_->state() == Connection::State::ready) {
            connection_ = std::move(next_);
            connection_->save_memory();
            logged_in_ = Clock::now();
            log_in_at_ = logged_in_ + settings_.keep;
        } else if (next_->failure().sqlstate == too_many_connections) {
            next_.reset();
            log_in_at_ = Clock::now() + settings_.keep;
        } else if (next_->state() == Connection::State::failed || Clock::now() >= log_in_at_) {
            throw End{};
        }
    }

    /// Its socket's name stands for files that are others now: no check asks there any more.
    void end_if_changed() const {
        if (file_identity(settings_.file) != settings_.file_identity ||
            connection_subject(settings_, server_) != subject_)
            throw End{};
    }

    milliseconds age() const {
        return std::chrono::duration_cast<milliseconds>(Clock::now() - logged_in_);
    }

    const Settings& settings_;
    const std::vector<Setting>& server_;
    const std::string& subject_;
    std::unique_ptr<Connection> connection_;
    std::unique_ptr<Connection> next_; ///< that logs in to take its place
    Clock::time_point logged_in_ = Clock::now();
    Clock::time_point log_in_at_ = logged_in_ + settings_.keep; ///< while next_ logs in, its end
    Clock::time_point idle_since_ = logged_in_;
    Descriptor listener_; ///< closed before the connections: who comes then asks by itself
    Descriptor caller_;   ///< whose end is the keeper's, or -1
    std::optional<Descriptor> check_;
    Clock::time_point check_until_;
    std::uint64_t id_ = 0; ///< the check's request's
    std::array<pollfd, places> waits_{};
};

/// The socket that makes this process the only keeper for its subject, or -1.
Descriptor take_socket(const std::string& subject) {
    const KeeperSocket keeper{subject};
    Descriptor socket{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (socket.get() != -1 &&
        ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&keeper.address), keeper.size) ==
            0 &&
        ::listen(socket.get(), most_waiting_checks) == 0)
        return socket;
    return Descriptor{-1};
}

/// Whether this process is now on its own: with nothing of its caller's that somebody may wait for.
bool stand_alone(std::array<int, 3> descriptors) noexcept {
    ::prctl(PR_SET_NAME, keeper_name);
    close_all_but(descriptors);
    return secure_standard_descriptors() && reset_signals() && ::chdir("/") == 0;
}

/// In the child. What the check had is never destroyed here.
[[noreturn]] void be_keeper(const Settings& settings, const std::vector<Setting>& server,
                            const std::string& subject, Connection& connection, Descriptor listener,
                            Descriptor caller) noexcept {
    try {
        if (stand_alone({listener.get(), connection.socket(), caller.get()})) {
            Keeper keeper{
                settings,         server, subject, std::move(connection), std::move(listener),
                std::move(caller)};
            keeper.run();
        }
    } catch (const End&) { // the connections are closed by now
    } catch (const std::exception&) {
    }
    ::_exit(0);
}

/// Whether HAProxy is process 1, or of its group, as in a container: it inherits the keepers, and
/// its master ends only after all its children. So there a keeper must not outlive who made the
/// check.
bool is_left_to_haproxy() noexcept { return ::getpgrp() <= 1; }

void leave(Answer& answer, const Settings& settings, const std::vector<Setting>& server,
           pid_t caller_number) {
    if (!answer.connection || answer.connection->state() != Connection::State::ready)
        return;
    if (answer.subject.empty())
        return;
    Descriptor caller{is_left_to_haproxy() ? open_process(caller_number) : -1};
    if (caller.get() == -1 && is_left_to_haproxy())
        return;
    Descriptor socket = take_socket(answer.subject);
    if (socket.get() == -1)
        return;
    const pid_t child = ::fork();
    if (child == 0)
        be_keeper(settings, server, answer.subject, *answer.connection, std::move(socket),
                  std::move(caller));
    if (child > 0)
        answer.connection->leave_to_child();
}

} // namespace

void leave_keepers(Check& check, const Settings& settings, pid_t caller) noexcept {
    if (settings.keep == 0ms || settings.by_hand)
        return;
    try {
        leave(check.server, settings, settings.connection, caller);
        for (std::size_t i = 0; i < check.asked.size(); ++i)
            leave(check.peers[i], settings, settings_for(check.asked[i], settings.connection),
                  caller);
    } catch (const std::exception&) { // the verdict stands
    }
}

} // namespace checkpg
