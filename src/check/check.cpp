#include "check/check.hpp"

#include "base/error.hpp"
#include "check/ask_keeper.hpp"
#include "check/look_up.hpp"
#include "check/memory.hpp"
#include "check/process.hpp"
#include "check/standby_fitness.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

namespace checkpg {

namespace {

using namespace std::chrono_literals;

Question question_for(Role wanted, const Settings& settings) {
    const Demands& demands = settings.demands;
    Question question;
    if (wanted == Role::primary) {
        question.identity = settings.has_peers();
        question.writable = demands.require_writable;
    } else {
        question.identity = demands.streaming == Streaming::with_primary;
        question.replay = demands.max_replay_lag || demands.max_replay_delay;
        question.receiver = demands.streaming != Streaming::any || demands.max_replay_delay;
    }
    return question;
}

/// How servers are asked in one check: by keepers, where there are any, or directly.
struct Questioner {
    const Settings& settings;
    Deadline deadline;
    Keepers keepers{settings};

    Answer ask(const Question& question) {
        auto asked = ask_all({settings.connection}, question, [&](auto servers) {
            return std::vector{ask_server(std::move(servers.front()), question, deadline)};
        });
        return std::move(asked.front());
    }

    void ask_again(Answer& answer, const Question& question) {
        if (answer.connection)
            checkpg::ask_again(answer, question, deadline);
        else
            answer = ask(question);
    }

    std::vector<Answer> ask_peers(std::vector<std::vector<Setting>> servers,
                                  const Question& question) {
        return ask_all(std::move(servers), question, [&](auto others) {
            return ask_servers(std::move(others), question, settings.peer_timeout, deadline);
        });
    }

private:
    /// In the servers' order: `directly` asks those that no keeper could.
    template <typename Directly>
    std::vector<Answer> ask_all(std::vector<std::vector<Setting>> servers, const Question& question,
                                Directly directly) {
        std::vector<std::string> subjects;
        subjects.reserve(servers.size());
        for (const auto& server : servers)
            subjects.push_back(keepers.subject(server));
        auto kept = keepers.ask(servers, subjects, question, deadline);
        std::vector<std::vector<Setting>> others;
        for (std::size_t i = 0; i < servers.size(); ++i)
            if (!kept[i])
                others.push_back(std::move(servers[i]));
        std::vector<Answer> direct;
        if (!others.empty())
            direct = directly(std::move(others));
        auto next = direct.begin();
        std::vector<Answer> answers;
        answers.reserve(kept.size());
        for (std::size_t i = 0; i < kept.size(); ++i) {
            answers.push_back(std::move(kept[i] ? *kept[i] : *next++));
            answers.back().subject = std::move(subjects[i]);
        }
        return answers;
    }
};

/// Whether it is a standby of such a fitness.
template <typename Condition>
bool is_standby(const Answer& answer, const Demands& demands, Condition condition) {
    const ServerState* const state = answer.state();
    return state != nullptr && state->in_recovery && condition(fitness(demands, *state));
}

/// How long a standby that seems stale is looked at.
Deadline patience(const Demands& demands, Deadline deadline) {
    constexpr milliseconds receiver_start = 500ms; // what is unknown gets known, or doesn't
    const Deadline::Clock::duration longest = demands.max_replay_delay.value_or(receiver_start);
    return Deadline::in(std::min(longest, deadline.remaining() / 2));
}

/// After a quiet hour the first WAL to arrive is, for a moment, behind a transaction that is an
/// hour old, and behind a long transaction replay may be late for a while: healthy standbys that
/// must not be turned away. So what seems stale is looked at again, more and more seldom, at least
/// once.
void look_again(Answer& answer, Questioner& questioner, Question question) {
    using std::chrono::duration_cast;
    const Demands& demands = questioner.settings.demands;
    const ServerState first = *answer.state();
    const auto asked = *answer.contact.authenticated;
    const Deadline end = patience(demands, questioner.deadline);
    auto pause = 20ms;
    question.waits = true;
    do {
        std::this_thread::sleep_until(earlier(Deadline::in(pause), end).when());
        questioner.ask_again(answer, question);
        if (auto* const state = std::get_if<ServerState>(&answer.outcome))
            compare(*state, first, duration_cast<milliseconds>(*answer.contact.answered - asked));
        pause *= 2;
    } while (is_standby(answer, demands, deserves_another_look) && !end.passed());
}

/// For a person: how far behind the standby is, where the verdict needed no such question. Whatever
/// comes of it changes no verdict, and takes no time from it.
void look_closer(Answer& answer, Deadline deadline) {
    Question question;
    question.replay = question.receiver = true;
    Answer closer = answer;
    ask_again(closer, question, Deadline::in(deadline.remaining() / 2));
    auto* const state = std::get_if<ServerState>(&answer.outcome);
    const ServerState* const seen = closer.state();
    if (seen == nullptr || !seen->in_recovery)
        return;
    if (!state->replay)
        state->replay = seen->replay;
    if (!state->receiver)
        state->receiver = seen->receiver;
}

/// Each of them may open a socket, a certificate and what looks its name up. A peer that can't be
/// asked for want of these would pass for one that is down: no objection, where there is one.
void refuse_few_descriptors(std::size_t servers) {
    constexpr std::size_t descriptors_each = 3;
    if (!has_descriptors(servers * descriptors_each))
        throw Error{ExitCode::internal, "too few file descriptors are left to ask the peers"};
}

/// What is configured is no fault of a server's: it has room beside what servers may use. OpenSSL
/// reads the files anew for each connection, and all of them are held at once.
void make_room(const Settings& settings, std::size_t servers) {
    constexpr std::size_t times_its_size = 12; // a revocation list in OpenSSL's memory takes 4 to 7
    constexpr std::size_t attempts = 2;        // at a peer that stays silent
    raise_memory_bound(servers * attempts * settings.file_bytes * times_its_size);
}

void ask_peers(Check& check, Questioner& questioner) {
    const Settings& settings = questioner.settings;
    std::vector<std::vector<Setting>> servers;
    for (const Peer& peer : find_peers(settings, questioner.deadline))
        if (!is_at(peer, settings.connection)) {
            check.asked.push_back(peer);
            servers.push_back(settings_for(peer, settings.connection));
        }
    refuse_few_descriptors(servers.size());
    make_room(settings, servers.size() + 1);
    Question question;
    question.identity = true;
    check.peers = questioner.ask_peers(std::move(servers), question);
}

/// As far as can be told before anybody is asked: else it would show only once it matters. Without
/// peers nobody would ever be found to be the primary, and the demand of standbys be none.
void refuse_missing_peers(Role wanted, const Settings& settings) {
    const bool with_primary = settings.demands.streaming == Streaming::with_primary;
    if (wanted == Role::standby && !with_primary)
        return;
    if (settings.haproxy_peers && settings.haproxy_peers->backend.empty())
        throw usage_error("peers = haproxy: name the backend with --backend");
    if (wanted == Role::standby && !settings.has_peers())
        throw configuration_error("require-streaming = with-primary needs peers: the other servers "
                                  "are asked whether one is primary");
}

void check_primary(Check& check, Questioner& questioner) {
    const Settings& settings = questioner.settings;
    check.server = questioner.ask(question_for(Role::primary, settings));
    const ServerState* const state = check.server.state();
    if (state == nullptr || state->in_recovery)
        return;
    if (settings.keep == 0ms)
        check.server.connection.reset();
    ask_peers(check, questioner);
}

void check_standby(Check& check, Questioner& questioner) {
    const Demands& demands = questioner.settings.demands;
    const Question question = question_for(Role::standby, questioner.settings);
    check.server = questioner.ask(question);
    if (is_standby(check.server, demands, deserves_another_look))
        look_again(check.server, questioner, question);
    if (is_standby(check.server, demands, [](Fitness it) { return it == Fitness::unless_primary; }))
        ask_peers(check, questioner);
}

/// A keeper is HAProxy's, whose checks know a server by its address.
std::optional<milliseconds> age_of_kept(const Check& check, const Settings& settings,
                                        Deadline deadline) {
    std::vector<Setting> server = settings.connection;
    if (needs_look_up(server))
        set_value(server, "hostaddr", check.server.contact.address);
    return kept_for({kept_subject(settings, server)}, deadline).front();
}

} // namespace

Check check_server(Role wanted, const Settings& settings, Deadline deadline) {
    refuse_missing_peers(wanted, settings);
    make_room(settings, 1);
    Check check;
    Questioner questioner{settings, deadline};
    try {
        wanted == Role::primary ? check_primary(check, questioner)
                                : check_standby(check, questioner);
        check.verdict = judge(wanted, settings.demands, check.server, check.peers);
    } catch (const HaproxyError& error) {
        check.verdict = {ExitCode::internal,
                         fmt::format("HAProxy can't be asked for the peers: {}", error.what())};
    }
    if (wanted == Role::standby && settings.by_hand && check.server.connection &&
        is_standby(check.server, settings.demands, [](Fitness) { return true; }))
        look_closer(check.server, deadline);
    if (settings.by_hand)
        check.kept_for = age_of_kept(check, settings, deadline);
    return check;
}

} // namespace checkpg
