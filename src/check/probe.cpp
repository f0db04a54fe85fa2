#include "check/probe.hpp"

#include "check/look_up.hpp"

#include <algorithm>
#include <cerrno>
#include <poll.h>

namespace checkpg {

namespace {

using State = Connection::State;

/// How often a look-up is asked whether it is done: a thread can't be waited for with poll(2).
constexpr milliseconds look_up_tick{5};

/// One server on its way to an answer: look-up, connection, question.
class Probe {
public:
    explicit Probe(std::vector<Setting> server) {
        if (needs_look_up(server))
            look_up_.emplace(std::move(server));
        else
            connection_.emplace(server);
    }

    bool looks_up() const noexcept { return look_up_.has_value(); }

    bool done() const noexcept {
        if (looks_up())
            return false;
        return failed_look_up_ || connection_->state() == State::failed ||
               (asked_ && connection_->state() == State::ready);
    }

    /// What to wait for; nothing if it is done or looks up.
    pollfd wanted() const noexcept {
        if (done() || looks_up())
            return {-1, 0, 0};
        return {connection_->socket(), connection_->events(), 0};
    }

    void advance(const Question& question) {
        if (looks_up())
            advance_look_up();
        else
            connection_->advance();
        if (connection_ && connection_->state() == State::ready && !asked_) {
            asked_ = true;
            connection_->ask(question);
        }
    }

    void time_out() {
        if (looks_up()) {
            failed_look_up_ = look_up_->overdue();
            look_up_.reset();
        } else {
            connection_->time_out();
        }
    }

    /// Only when done, once.
    Answer answer() {
        if (failed_look_up_)
            return {*failed_look_up_, {}, nullptr};
        if (connection_->state() == State::failed)
            return {connection_->failure(), connection_->contact(), nullptr};
        return {connection_->answer(), connection_->contact(),
                std::make_shared<Connection>(std::move(*connection_))};
    }

private:
    void advance_look_up() {
        if (!look_up_->done())
            return;
        auto result = look_up_->result();
        look_up_.reset();
        if (auto* const failure = std::get_if<Failure>(&result))
            failed_look_up_ = std::move(*failure);
        else
            connection_.emplace(std::get<std::vector<Setting>>(result));
    }

    std::optional<LookUp> look_up_;
    std::optional<Failure> failed_look_up_;
    std::optional<Connection> connection_;
    bool asked_ = false;
};

timespec as_timespec(Deadline::Clock::duration duration) noexcept {
    const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
    return {.tv_sec = nanoseconds / 1'000'000'000, .tv_nsec = nanoseconds % 1'000'000'000};
}

/// Several servers on their way to answers.
class Round {
public:
    explicit Round(std::vector<std::vector<Setting>> servers) {
        for (auto& server : servers)
            probes_.emplace_back(std::move(server));
    }

    bool done() const noexcept {
        return std::all_of(probes_.begin(), probes_.end(),
                           [](const Probe& probe) { return probe.done(); });
    }

    /// Goes on with all that can, after waiting for the first one until then.
    void advance(const Question& question, Deadline deadline) {
        idle_ = wait(deadline.remaining()) == 0;
        for (std::size_t i = 0; i < probes_.size() && !deadline.passed(); ++i)
            if (probes_[i].looks_up() || waits_[i].revents != 0)
                probes_[i].advance(question);
    }

    Answers answers() {
        Answers answers;
        answers.unheard = !done() && !idle_;
        for (Probe& probe : probes_) {
            if (!probe.done())
                probe.time_out();
            answers.all.push_back(probe.answer());
        }
        return answers;
    }

private:
    /// How many can go on; -1 if a signal came first.
    int wait(Deadline::Clock::duration longest) {
        waits_.clear();
        for (const Probe& probe : probes_) {
            waits_.push_back(probe.wanted());
            if (probe.looks_up())
                longest = std::min<Deadline::Clock::duration>(longest, look_up_tick);
        }
        const timespec limit = as_timespec(longest);
        const int ready = ::ppoll(waits_.data(), waits_.size(), &limit, nullptr);
        if (ready <= 0)
            for (pollfd& wait : waits_)
                wait.revents = 0;
        return ready;
    }

    std::vector<Probe> probes_;
    std::vector<pollfd> waits_;
    bool idle_ = false; ///< nobody had said anything when last waited: silence is proven
};

} // namespace

Answers ask_servers(std::vector<std::vector<Setting>> servers, const Question& question,
                    Deadline deadline) {
    Round round{std::move(servers)};
    while (!round.done() && !deadline.passed())
        round.advance(question, deadline);
    return round.answers();
}

void ask_again(Answer& answer, const Question& question, Deadline deadline) {
    Connection& connection = *answer.connection;
    connection.ask(question);
    while (connection.state() == State::asking && !deadline.passed()) {
        pollfd wait{connection.socket(), connection.events(), 0};
        const timespec limit = as_timespec(deadline.remaining());
        if (::ppoll(&wait, 1, &limit, nullptr) > 0)
            connection.advance();
    }
    if (connection.state() == State::asking)
        connection.time_out();
    answer.contact = connection.contact();
    if (connection.state() == State::failed)
        answer = {connection.failure(), connection.contact(), nullptr};
    else
        answer.outcome = connection.answer();
}

} // namespace checkpg
