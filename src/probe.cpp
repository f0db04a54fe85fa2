#include "probe.hpp"

#include "resolve.hpp"

#include <cerrno>
#include <poll.h>

namespace checkpg {

namespace {

using State = Connection::State;

/// One server on its way to an answer.
class Probe {
public:
    explicit Probe(Resolved server) {
        if (auto* const failure = std::get_if<Failure>(&server))
            failed_look_up_ = std::move(*failure);
        else
            connection_.emplace(std::get<std::vector<Setting>>(server));
    }

    bool done() const noexcept {
        return !connection_ || connection_->state() == State::failed ||
               (asked_ && connection_->state() == State::ready);
    }

    pollfd wanted() const noexcept {
        return {done() ? -1 : connection_->socket(), done() ? short{0} : connection_->events(), 0};
    }

    void advance(const Question& question) {
        connection_->advance();
        if (connection_->state() == State::ready && !asked_) {
            asked_ = true;
            connection_->ask(question);
        }
    }

    void time_out() { connection_->time_out(); }

    Answer answer() const {
        if (!connection_)
            return {*failed_look_up_, {}};
        if (connection_->state() == State::failed)
            return {connection_->failure(), connection_->contact()};
        return {connection_->answer(), connection_->contact()};
    }

private:
    std::optional<Failure> failed_look_up_;
    std::optional<Connection> connection_;
    bool asked_ = false;
};

timespec as_timespec(Deadline::Clock::duration duration) noexcept {
    const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
    return {.tv_sec = nanoseconds / 1'000'000'000, .tv_nsec = nanoseconds % 1'000'000'000};
}

/// Waits until one of them can go on. False if the deadline has come first.
bool wait_for_any(const std::vector<Probe>& probes, std::vector<pollfd>& waits, Deadline deadline) {
    waits.clear();
    for (const Probe& probe : probes)
        waits.push_back(probe.wanted());
    const timespec limit = as_timespec(deadline.remaining());
    const int ready = ::ppoll(waits.data(), waits.size(), &limit, nullptr);
    return (ready > 0 || (ready < 0 && errno == EINTR)) && !deadline.passed();
}

bool all_done(const std::vector<Probe>& probes) noexcept {
    for (const Probe& probe : probes)
        if (!probe.done())
            return false;
    return true;
}

} // namespace

std::vector<Answer> ask_servers(std::vector<std::vector<Setting>> servers, const Question& question,
                                Deadline deadline) {
    std::vector<Probe> probes;
    for (Resolved& server : resolve(std::move(servers), deadline))
        probes.emplace_back(std::move(server));
    std::vector<pollfd> waits;
    while (!all_done(probes) && wait_for_any(probes, waits, deadline))
        for (std::size_t i = 0; i < probes.size(); ++i)
            if (waits[i].revents != 0)
                probes[i].advance(question);
    std::vector<Answer> answers;
    for (Probe& probe : probes) {
        if (!probe.done())
            probe.time_out();
        answers.push_back(probe.answer());
    }
    return answers;
}

} // namespace checkpg
