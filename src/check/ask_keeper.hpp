#pragma once

#include "check/probe.hpp"
#include "check/settings.hpp"

#include <optional>
#include <string>
#include <vector>

namespace checkpg {

/// The keepers of other checks (keeper.hpp), as one check sees them. They can only save time: what
/// they don't answer, or answer in any odd way, is as if there were none, and all the waiting for
/// them comes to 50 ms at most.
class Keepers {
public:
    /// None if the settings don't want connections to be kept, or a person asks.
    explicit Keepers(const Settings& settings);

    /// What a connection to this server is for: connection_subject(); empty if none is to be kept.
    std::string subject(const std::vector<Setting>& server) const;

    /// The answers of these servers to a question put to them now, over connections that keepers
    /// have for these subjects, in their order.
    std::vector<std::optional<Answer>> ask(const std::vector<std::vector<Setting>>& servers,
                                           const std::vector<std::string>& subjects,
                                           const Question& question, Deadline deadline);

private:
    const Settings& settings_;
    bool wanted_;
    Deadline::Clock::duration patience_; ///< what is left of it
};

/// What a keeper of a check with these settings is known by; empty if it would keep no connection
/// to this server.
std::string kept_subject(const Settings& settings, const std::vector<Setting>& server);

/// How old the connections are that keepers of this user's have for these subjects, in their order;
/// nothing where there is no such keeper. No server is asked, and it takes 50 ms at most.
std::vector<std::optional<milliseconds>> kept_for(const std::vector<std::string>& subjects,
                                                  Deadline deadline);

} // namespace checkpg
