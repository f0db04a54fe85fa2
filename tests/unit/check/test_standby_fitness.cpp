#include "check/standby_fitness.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>

using checkpg::Demands;
using checkpg::Fitness;
using checkpg::limits_standbys;
using checkpg::milliseconds;
using checkpg::Receiver;
using checkpg::Replay;
using checkpg::ServerState;
using checkpg::Streaming;
using checkpg::Waiting;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t page = 8192;
constexpr std::uint64_t here = 100 * page;

/// How much has been received beyond what was replayed.
enum class Ahead { unknown, behind, nothing, commit, half_a_record, much };

/// What a later look showed.
struct Later {
    bool receiver_stayed, moved, caught_up, caught_up_late, waits_for_wal;
};

std::optional<std::uint64_t> received(Ahead ahead) {
    switch (ahead) {
    case Ahead::unknown:
        return std::nullopt;
    case Ahead::behind:
        return here - page;
    case Ahead::nothing:
        return here;
    case Ahead::commit:
        return here + page + 8;
    case Ahead::half_a_record:
        return here + page;
    case Ahead::much:
        return here + 3 * page;
    }
    return std::nullopt;
}

constexpr milliseconds limit = 10s;

using Age = std::optional<milliseconds>;

ServerState standby(std::optional<Receiver> receiver, Ahead ahead, Age age, bool paused,
                    const Later& later) {
    Replay replay;
    replay.received = received(ahead);
    replay.replayed = here;
    replay.age = age;
    replay.paused = paused;
    replay.receiver_stayed = later.receiver_stayed;
    replay.moved = later.moved;
    replay.waits_for_wal = later.waits_for_wal;
    if (later.caught_up || later.caught_up_late)
        replay.caught_up = later.caught_up ? limit : limit + 1ms;
    ServerState state;
    state.in_recovery = true;
    state.replay = replay;
    state.receiver = receiver;
    return state;
}

Demands demands(Streaming streaming, bool lag, bool delay) {
    Demands demands;
    demands.streaming = streaming;
    if (lag)
        demands.max_replay_lag = 2 * page;
    if (delay)
        demands.max_replay_delay = limit;
    return demands;
}

bool is_there(std::optional<Receiver> receiver) {
    return receiver == Receiver::streaming || receiver == Receiver::hidden;
}

/// checkpg.conf(5), max-replay-delay, sentence by sentence.
bool is_fresh(std::optional<Receiver> receiver, Ahead ahead, Age age, bool paused,
              const Later& later) {
    if (age && *age <= limit)
        return true;
    if (!is_there(receiver))
        return false;
    if (later.caught_up)
        return true;
    if (!later.receiver_stayed || ahead == Ahead::unknown || ahead == Ahead::behind)
        return false;
    return ahead == Ahead::nothing || later.waits_for_wal ||
           (ahead == Ahead::half_a_record && later.moved && !paused);
}

/// The whole page, from the top.
Fitness by_the_page(const Demands& demands, std::optional<Receiver> receiver, Ahead ahead, Age age,
                    bool paused, const Later& later) {
    const bool known = ahead != Ahead::unknown && ahead != Ahead::behind;
    if (demands.streaming == Streaming::required && !is_there(receiver))
        return receiver == Receiver::not_streaming ? Fitness::not_streaming : Fitness::no_receiver;
    if (demands.max_replay_lag && ahead == Ahead::much)
        return Fitness::lag_too_large;
    if (demands.streaming == Streaming::with_primary && !is_there(receiver)) {
        if (demands.max_replay_delay && age && *age <= limit)
            return Fitness::fit;
        const bool surely_behind = ahead == Ahead::commit || ahead == Ahead::much ||
                                   (ahead == Ahead::half_a_record && paused);
        return demands.max_replay_delay && surely_behind ? Fitness::too_old
                                                         : Fitness::unless_primary;
    }
    if (demands.max_replay_lag && !demands.max_replay_delay && !known)
        return Fitness::lag_unknown;
    if (demands.max_replay_delay && !is_fresh(receiver, ahead, age, paused, later))
        return Fitness::too_old;
    return Fitness::fit;
}

template <typename Check>
void for_all_looks(Check check) {
    for (const std::optional<Receiver> receiver :
         {std::optional<Receiver>{}, std::optional{Receiver::none},
          std::optional{Receiver::not_streaming}, std::optional{Receiver::streaming},
          std::optional{Receiver::hidden}})
        for (const Ahead ahead : {Ahead::unknown, Ahead::behind, Ahead::nothing, Ahead::commit,
                                  Ahead::half_a_record, Ahead::much})
            for (const Age age : {Age{}, Age{0ms}, Age{limit}, Age{limit + 1ms}})
                for (const bool paused : {false, true})
                    for (unsigned bits = 0; bits < 32; ++bits)
                        check(receiver, ahead, age, paused,
                              Later{(bits & 1U) != 0, (bits & 2U) != 0, (bits & 4U) != 0,
                                    (bits & 8U) != 0, (bits & 16U) != 0});
}

} // namespace

TEST_CASE("every standby is what checkpg.conf(5) says, under all limits and after all looks") {
    for (const Streaming streaming : {Streaming::any, Streaming::required, Streaming::with_primary})
        for (const bool lag : {false, true})
            for (const bool delay : {false, true}) {
                const Demands wanted = demands(streaming, lag, delay);
                int wrong = 0;
                for_all_looks([&](auto... look) {
                    if (fitness(wanted, standby(look...)) != by_the_page(wanted, look...))
                        ++wrong;
                });
                CHECK(wrong == 0);
            }
}

TEST_CASE("a first look at a standby with an old row never makes it fresh by itself") {
    const Demands wanted = demands(Streaming::any, false, true);
    for_all_looks([&](auto receiver, auto ahead, auto age, auto paused, const Later& later) {
        if (!(age && *age <= limit) && !later.receiver_stayed && !later.caught_up &&
            fitness(wanted, standby(receiver, ahead, age, paused, later)) == Fitness::fit)
            FAIL("it is fit");
    });
}

TEST_CASE("a question that was not asked makes no standby fit") {
    ServerState state;
    state.in_recovery = true;
    CHECK(fitness({}, state) == Fitness::fit);
    CHECK(fitness(demands(Streaming::required, false, false), state) == Fitness::no_receiver);
    CHECK(fitness(demands(Streaming::with_primary, true, true), state) == Fitness::unless_primary);
    CHECK(fitness(demands(Streaming::any, true, false), state) == Fitness::lag_unknown);
    CHECK(fitness(demands(Streaming::any, false, true), state) == Fitness::too_old);
}

TEST_CASE("half a record is at most two pages, up to the end of one") {
    const Later moved{true, true, false, false, false};
    ServerState state = standby(Receiver::streaming, Ahead::half_a_record, 1h, false, moved);
    CHECK(waiting(state) == Waiting::nothing);
    state.replay->received = here + 2 * page;
    CHECK(waiting(state) == Waiting::nothing);
    state.replay->received = here + 3 * page;
    CHECK(waiting(state) == Waiting::something);
    state.replay->received = here + page + 8;
    CHECK(waiting(state) == Waiting::something);
    state.replay->received = here + page;
    state.replay->moved = false;
    CHECK(waiting(state) == Waiting::something);
    state.receiver = Receiver::none;
    CHECK(waiting(state) == Waiting::unknown);
}

TEST_CASE("two looks show what has come in between") {
    const Later nothing{};
    const ServerState first = standby(Receiver::hidden, Ahead::commit, 1h, false, nothing);
    const auto later = [&](std::uint64_t replayed, Receiver receiver = Receiver::hidden) {
        ServerState state = standby(receiver, Ahead::much, 1h, false, nothing);
        state.replay->replayed = replayed;
        compare(state, first, 40ms);
        return *state.replay;
    };
    CHECK_FALSE(later(here).moved);
    CHECK_FALSE(later(here).caught_up);
    CHECK(later(here).receiver_stayed);
    CHECK(later(here + 8).moved);
    CHECK_FALSE(later(here + 8).caught_up);
    CHECK(later(here + page + 8).caught_up == 40ms);
    ServerState other = first;
    other.receiver_pid = 42;
    compare(other, first, 40ms);
    CHECK_FALSE(other.replay->receiver_stayed);
}

TEST_CASE("what was received is no measure where it is behind what was replayed, or was no one's") {
    for (const Ahead ahead : {Ahead::unknown, Ahead::behind}) {
        const ServerState first = standby(Receiver::hidden, ahead, 1h, false, {});
        ServerState later = first;
        compare(later, first, 40ms);
        CHECK_FALSE(later.replay->caught_up);
    }
    const ServerState first = standby(Receiver::none, Ahead::nothing, 1h, false, {});
    ServerState later = standby(Receiver::hidden, Ahead::nothing, 1h, false, {});
    compare(later, first, 40ms);
    CHECK_FALSE(later.replay->caught_up);
    CHECK_FALSE(later.replay->receiver_stayed);
}

TEST_CASE("why a standby is not fit is told with what was found and what is allowed") {
    const Demands wanted = demands(Streaming::any, true, true);
    const ServerState state = standby(Receiver::hidden, Ahead::much, 767'852ms, false, Later{});
    CHECK(why_not_fit(Fitness::too_old, wanted, state) ==
          "its last replayed transaction is 12m47s old, more than 10s");
    CHECK(why_not_fit(Fitness::lag_too_large, wanted, state) ==
          "24.0 kB received and not yet replayed, more than 16kB");
    const ServerState lost = standby(Receiver::none, Ahead::much, 13'400ms, false, Later{});
    CHECK(why_not_fit(Fitness::too_old, wanted, lost) ==
          "its last replayed transaction is 13.4 s old, more than 10s, and it has no WAL receiver");
    const ServerState started = standby(Receiver::none, Ahead::unknown, {}, false, Later{});
    CHECK(why_not_fit(Fitness::too_old, wanted, started) ==
          "the age of its data is unknown: it has replayed no transaction since it started, and it "
          "has no WAL receiver");
    CHECK_FALSE(limits_standbys({}));
    CHECK(limits_standbys(wanted));
}
