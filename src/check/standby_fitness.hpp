#pragma once

#include "check/server_state.hpp"
#include "check/settings.hpp"

#include <string>

namespace checkpg {

/// What a standby is by the limits a site sets; checkpg.conf(5) has the rule in words.
enum class Fitness {
    fit,
    unless_primary, ///< fit only while no peer is a primary: only those can say
    no_receiver,
    not_streaming,
    lag_too_large,
    lag_unknown, ///< and no limit on the delay that could decide instead
    too_old,
};

/// Whether something waits to be replayed.
enum class Waiting { nothing, something, unknown };

/// "Nothing" only of a standby that has a WAL receiver: without one nobody knows what the primary
/// has written since.
Waiting waiting(const ServerState& standby) noexcept;

/// The only owner of the rule which standby is fit to read from. What is not known, such as a
/// question that was not asked, never makes it fit by itself.
Fitness fitness(const Demands& demands, const ServerState& standby) noexcept;

/// Whether another look may show it to be fit after all: a healthy standby is behind for a moment.
bool deserves_another_look(Fitness fitness) noexcept;

/// Notes in a later look what it shows together with the first one, which was asked `between`
/// before the later one's answer.
void compare(ServerState& later, const ServerState& first, milliseconds between) noexcept;

/// Why the standby is not fit by fitness(), in words for people.
std::string why_not_fit(Fitness fitness, const Demands& demands, const ServerState& standby);

/// Whether any limit is set by which a standby could be found not fit.
bool limits_standbys(const Demands& demands) noexcept;

} // namespace checkpg
