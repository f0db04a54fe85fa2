#include "check/standby_fitness.hpp"

#include "base/units.hpp"

#include <fmt/format.h>

namespace checkpg {

namespace {

/// One that is hidden is there, too, and PostgreSQL ends it if it hears nothing for long.
bool has_receiver(const ServerState& standby) noexcept {
    return standby.receiver == Receiver::streaming || standby.receiver == Receiver::hidden;
}

/// WAL that no commit has asked for is written and sent in whole pages (src/backend/access/
/// transam/xlog.c, XLogBackgroundFlush()), so that it ends within a record that can't be replayed
/// yet. A commit is sent up to its end, which hardly ever is the end of a page.
bool may_be_half_a_record(const Replay& replay) noexcept {
    constexpr std::uint64_t page = 8192;                        // XLOG_BLCKSZ
    constexpr std::uint64_t largest = std::uint64_t{16} * 1024; // of all but the rarest records
    return !replay.paused && *replay.received % page == 0 && replay.lag() <= largest;
}

bool is_within(const std::optional<milliseconds>& limit,
               const std::optional<milliseconds>& age) noexcept {
    return limit && age && *age <= *limit;
}

/// What was received at the first look has been replayed since: so old is what it shows, at most.
bool has_caught_up_within(const std::optional<milliseconds>& limit,
                          const ServerState& standby) noexcept {
    const auto& caught_up = standby.replay->caught_up;
    return has_receiver(standby) && is_within(limit, caught_up);
}

/// A receiver that can't stream comes and goes: it must have been there at the first look, too.
bool has_nothing_to_replay(const ServerState& standby) noexcept {
    return waiting(standby) == Waiting::nothing && standby.replay->receiver_stayed;
}

bool is_too_old(const Demands& demands, const ServerState& standby) noexcept {
    const auto& limit = demands.max_replay_delay;
    return limit && !is_within(limit, standby.replay->age) && !has_nothing_to_replay(standby) &&
           !has_caught_up_within(limit, standby);
}

/// Without a receiver, where that is no fault as long as there is no primary to receive from.
/// Whether half a record waits can't be told then: it would, for ever.
Fitness fitness_without_receiver(const Demands& demands, const Replay* replay) noexcept {
    if (replay == nullptr)
        return Fitness::unless_primary;
    if (is_within(demands.max_replay_delay, replay->age))
        return Fitness::fit;
    const bool behind = replay->lag().value_or(0) > 0 && !may_be_half_a_record(*replay);
    return demands.max_replay_delay && behind ? Fitness::too_old : Fitness::unless_primary;
}

std::string age_words(const Demands& demands, const ServerState& standby) {
    if (!standby.replay || !standby.replay->age)
        return "the age of its data is unknown: it has replayed no transaction since it started";
    return fmt::format("its last replayed transaction is {} old, more than {}",
                       rough_duration(*standby.replay->age),
                       format_duration(*demands.max_replay_delay));
}

} // namespace

Waiting waiting(const ServerState& standby) noexcept {
    const auto& replay = standby.replay;
    const auto lag = replay ? replay->lag() : std::nullopt;
    if (!lag || !has_receiver(standby))
        return Waiting::unknown;
    if (*lag == 0 || replay->waits_for_wal || (replay->moved && may_be_half_a_record(*replay)))
        return Waiting::nothing;
    return Waiting::something;
}

Fitness fitness(const Demands& demands, const ServerState& standby) noexcept {
    const Replay* const replay = standby.replay ? &*standby.replay : nullptr;
    if (demands.streaming == Streaming::required && !has_receiver(standby))
        return standby.receiver == Receiver::not_streaming ? Fitness::not_streaming
                                                           : Fitness::no_receiver;
    const auto lag = replay != nullptr ? replay->lag() : std::nullopt;
    if (demands.max_replay_lag && lag && *lag > *demands.max_replay_lag)
        return Fitness::lag_too_large;
    if (demands.streaming == Streaming::with_primary && !has_receiver(standby))
        return fitness_without_receiver(demands, replay);
    if (demands.max_replay_lag && !lag && !demands.max_replay_delay)
        return Fitness::lag_unknown;
    if (demands.max_replay_delay && (replay == nullptr || is_too_old(demands, standby)))
        return Fitness::too_old;
    return Fitness::fit;
}

bool deserves_another_look(Fitness fitness) noexcept {
    return fitness == Fitness::lag_unknown || fitness == Fitness::too_old;
}

void compare(ServerState& later, const ServerState& first, milliseconds between) noexcept {
    if (!later.replay || !first.replay)
        return;
    Replay& replay = *later.replay;
    replay.receiver_stayed = has_receiver(first) && later.receiver_pid == first.receiver_pid;
    replay.moved = first.replay->replayed && replay.replayed > first.replay->replayed;
    if (replay.receiver_stayed && first.replay->lag() && replay.replayed >= first.replay->received)
        replay.caught_up = between;
}

std::string why_not_fit(Fitness fitness, const Demands& demands, const ServerState& standby) {
    switch (fitness) {
    case Fitness::fit:
        break;
    case Fitness::unless_primary:
    case Fitness::no_receiver:
        return "it has no WAL receiver";
    case Fitness::not_streaming:
        return "its WAL receiver is not streaming";
    case Fitness::lag_too_large:
        return fmt::format("{} received and not yet replayed, more than {}",
                           rough_size(*standby.replay->lag()),
                           format_size(*demands.max_replay_lag));
    case Fitness::lag_unknown:
        return "its replay lag is unknown: it has received no WAL since it started, or replays "
               "from an archive";
    case Fitness::too_old:
        return age_words(demands, standby) +
               (has_receiver(standby) ? "" : ", and it has no WAL receiver");
    }
    return "it is fit";
}

bool limits_standbys(const Demands& demands) noexcept {
    return demands.streaming != Streaming::any || demands.max_replay_lag ||
           demands.max_replay_delay;
}

} // namespace checkpg
