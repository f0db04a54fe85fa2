#include "check/probe.hpp"

#include "check/look_up.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <poll.h>

namespace checkpg {

namespace {

using namespace std::chrono_literals;
using Duration = Deadline::Clock::duration;

/// How often a look-up is asked whether it is done: a thread can't be waited for with poll(2).
constexpr milliseconds look_up_tick{5};

/// How often it is seen whether we listen: what takes longer than this and a pause as the scheduler
/// makes them is time in which we did not.
constexpr milliseconds listening_tick{10};
constexpr milliseconds longest_pause{50};

/// A peer is one server: its name has an address for each of its networks.
constexpr std::size_t most_addresses = 8;

/// One connection on its way to an answer.
class Attempt {
public:
    explicit Attempt(const std::vector<Setting>& server) : connection_{server} {}

    bool accepted() const noexcept { return connection_.contact().connected.has_value(); }
    bool failed() const noexcept { return connection_.state() == Connection::State::failed; }
    bool answered() const noexcept {
        return asked_ && connection_.state() == Connection::State::ready;
    }
    bool over() const noexcept { return failed() || answered(); }

    /// What to wait for; nothing if it is over.
    pollfd wanted() const noexcept {
        if (over())
            return {-1, 0, 0};
        return {connection_.socket(), connection_.events(), 0};
    }

    void advance(const Question& question) {
        connection_.advance();
        if (connection_.state() == Connection::State::ready && !asked_) {
            asked_ = true;
            connection_.ask(question);
        }
    }

    void give_up(Sign sign) { connection_.time_out(sign); }

    /// Only when it is over, once.
    Answer answer() {
        if (failed())
            return {connection_.failure(), connection_.contact(), nullptr};
        return {connection_.answer(), connection_.contact(),
                std::make_shared<Connection>(std::move(connection_))};
    }

private:
    Connection connection_;
    bool asked_ = false;
};

/// One server on its way to an answer: look-up, then one or several attempts.
class Probe {
public:
    /// Without patience there is one attempt, and nobody counts its time.
    Probe(std::vector<Setting> server, std::optional<milliseconds> patience)
        : server_{std::move(server)}, patience_{patience} {
        if (needs_look_up(server_))
            look_up_.emplace(std::string{value_of(server_, "host")});
        else
            begin_attempts({server_});
    }

    bool looks_up() const noexcept { return look_up_.has_value(); }

    bool done() const noexcept {
        return failed_look_up_ || all_failed() || answered() != attempts_.end();
    }

    /// It has had all its time, but for a last look at what has arrived.
    bool spent() const noexcept { return patience_ && listened_ >= *patience_; }

    /// Adds what to wait for, one for each attempt.
    void add_to(std::vector<pollfd>& waits) const {
        for (const Attempt& attempt : attempts_)
            waits.push_back(done() ? pollfd{-1, 0, 0} : attempt.wanted());
    }

    /// Goes on with the attempts that can; `waits` are the ones added last. Returns how many.
    std::size_t advance(const pollfd* waits, const Question& question) {
        const std::size_t waited_for = attempts_.size();
        if (looks_up())
            advance_look_up();
        for (std::size_t i = 0; i < waited_for; ++i)
            if (waits[i].revents != 0 && !done())
                attempts_[i].advance(question);
        if (all_failed() && begun_ < ways_.size())
            begin_next();
        return waited_for;
    }

    /// We have listened to it for this much longer.
    void listened(Duration time) {
        if (done() || !patience_)
            return;
        if (spent()) {
            give_up(Sign::silence);
            return;
        }
        listened_ += time;
        while (begun_ < 2 * ways_.size() && listened_ >= *patience_ * begun_ / (4 * ways_.size()))
            begin_next();
    }

    void give_up(Sign sign) {
        if (looks_up())
            failed_look_up_ = look_up_->overdue();
        look_up_.reset();
        for (Attempt& attempt : attempts_)
            if (!attempt.over())
                attempt.give_up(sign);
    }

    /// Of several attempts without an answer the one that says least. Only when done, once.
    Answer answer() {
        if (failed_look_up_)
            return {*failed_look_up_, {}, nullptr};
        for (Attempt& attempt : attempts_)
            if (attempt.answered())
                return attempt.answer();
        std::vector<Answer> failures;
        failures.reserve(attempts_.size());
        for (Attempt& attempt : attempts_)
            failures.push_back(attempt.answer());
        return *std::min_element(
            failures.begin(), failures.end(),
            [](const Answer& a, const Answer& b) { return a.failure().sign < b.failure().sign; });
    }

private:
    std::vector<Attempt>::const_iterator answered() const noexcept {
        return std::find_if(attempts_.begin(), attempts_.end(),
                            [](const Attempt& attempt) { return attempt.answered(); });
    }

    bool all_failed() const noexcept {
        return !attempts_.empty() &&
               std::all_of(attempts_.begin(), attempts_.end(),
                           [](const Attempt& attempt) { return attempt.failed(); });
    }

    void advance_look_up() {
        if (!look_up_->done())
            return;
        const auto result = look_up_->result();
        look_up_.reset();
        listened_ = {};
        if (const auto* const failure = std::get_if<Failure>(&result))
            failed_look_up_ = *failure;
        else
            begin_at(std::get<std::vector<std::string>>(result));
    }

    void begin_at(const std::vector<std::string>& addresses) {
        if (!patience_) {
            begin_attempts({settings_at(server_, addresses)});
            return;
        }
        if (addresses.size() > most_addresses) {
            failed_look_up_ = {ExitCode::internal, "",
                               fmt::format("the name '{}' has {} addresses: no single server",
                                           value_of(server_, "host"), addresses.size())};
            return;
        }
        std::vector<std::vector<Setting>> ways;
        ways.reserve(addresses.size());
        for (const std::string& address : addresses)
            ways.push_back(settings_at(server_, {address}));
        begin_attempts(std::move(ways));
    }

    void begin_attempts(std::vector<std::vector<Setting>> ways) {
        ways_ = std::move(ways);
        begin_next();
    }

    /// At the next address in turn. One that has accepted or said no needs no second attempt.
    void begin_next() {
        do {
            const std::size_t way = begun_ % ways_.size();
            const bool again = begun_ >= ways_.size();
            ++begun_;
            if (!again || !(attempts_[way].accepted() || attempts_[way].over()))
                attempts_.emplace_back(ways_[way]);
        } while (all_failed() && begun_ < ways_.size());
    }

    std::vector<Setting> server_;
    std::optional<milliseconds> patience_;
    std::optional<LookUp> look_up_;
    std::optional<Failure> failed_look_up_;
    std::vector<std::vector<Setting>> ways_; ///< the settings for each address
    std::vector<Attempt> attempts_;          ///< the first of them in the order of ways_
    std::size_t begun_ = 0;                  ///< attempts, those that were not needed among them
    Duration listened_{};
};

/// Several servers on their way to answers.
class Round {
public:
    Round(std::vector<std::vector<Setting>> servers, std::optional<milliseconds> patience)
        : longest_wait_{patience ? Duration{listening_tick} : Duration::max()} {
        for (auto& server : servers)
            probes_.emplace_back(std::move(server), patience);
        listened_until_ = Deadline::Clock::now();
    }

    std::vector<Answer> ask(const Question& question, Deadline deadline) {
        while (!done() && !deadline.passed()) {
            wait(deadline.remaining());
            advance(question, deadline);
            if (!deadline.passed())
                count_time();
        }
        std::vector<Answer> answers;
        answers.reserve(probes_.size());
        for (Probe& probe : probes_) {
            if (!probe.done())
                probe.give_up(Sign::no_time);
            answers.push_back(probe.answer());
        }
        return answers;
    }

private:
    bool done() const noexcept {
        return std::all_of(probes_.begin(), probes_.end(),
                           [](const Probe& probe) { return probe.done(); });
    }

    /// Until one of them can go on.
    void wait(Duration longest) {
        longest = std::min(longest, longest_wait_);
        waits_.clear();
        for (const Probe& probe : probes_) {
            probe.add_to(waits_);
            if (probe.looks_up())
                longest = std::min<Duration>(longest, look_up_tick);
            if (probe.spent() && !probe.done())
                longest = Duration::zero();
        }
        const timespec limit = as_timespec(longest);
        if (::ppoll(waits_.data(), waits_.size(), &limit, nullptr) <= 0)
            for (pollfd& wait : waits_)
                wait.revents = 0;
    }

    void advance(const Question& question, Deadline deadline) {
        const pollfd* waits = waits_.data();
        for (Probe& probe : probes_)
            if (!deadline.passed())
                waits += probe.advance(waits, question);
    }

    /// What passed since the last time counts if we can't have missed much of it.
    void count_time() {
        const auto now = Deadline::Clock::now();
        const Duration passed = now - listened_until_;
        listened_until_ = now;
        if (passed <= longest_pause)
            for (Probe& probe : probes_)
                probe.listened(passed);
    }

    Duration longest_wait_;
    std::vector<Probe> probes_;
    std::vector<pollfd> waits_;
    Deadline::Clock::time_point listened_until_;
};

} // namespace

Answer ask_server(std::vector<Setting> server, const Question& question, Deadline deadline) {
    return Round{{std::move(server)}, std::nullopt}.ask(question, deadline).front();
}

std::vector<Answer> ask_servers(std::vector<std::vector<Setting>> servers, const Question& question,
                                Deadline deadline) {
    return Round{std::move(servers), std::nullopt}.ask(question, deadline);
}

std::vector<Answer> ask_servers(std::vector<std::vector<Setting>> servers, const Question& question,
                                milliseconds patience, Deadline deadline) {
    return Round{std::move(servers), patience}.ask(question, deadline);
}

void ask_again(Answer& answer, const Question& question, Deadline deadline) {
    Connection& connection = *answer.connection;
    connection.ask(question);
    while (connection.state() == Connection::State::asking && !deadline.passed()) {
        pollfd wait{connection.socket(), connection.events(), 0};
        const timespec limit = as_timespec(deadline.remaining());
        if (::ppoll(&wait, 1, &limit, nullptr) > 0)
            connection.advance();
    }
    if (connection.state() == Connection::State::asking)
        connection.time_out(Sign::no_time);
    answer.contact = connection.contact();
    if (connection.state() == Connection::State::failed)
        answer = {connection.failure(), connection.contact(), nullptr};
    else
        answer.outcome = connection.answer();
}

} // namespace checkpg
