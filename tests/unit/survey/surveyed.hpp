#pragma once

#include "survey/standing.hpp"

#include <cstdint>
#include <string>

/// A primary that answered, all of its WAL on timeline 1 of cluster "1" but for what a test
/// changes.
checkpg::SurveyedServer primary_row(const std::string& name, std::uint64_t written = 1000);

/// A standby that streams.
checkpg::SurveyedServer standby_row(const std::string& name, std::uint64_t received = 1000,
                                    std::uint64_t replayed = 1000);

/// A server that gave no answer.
checkpg::SurveyedServer silent_row(const std::string& name);

/// What it said, to change it.
checkpg::ServerState& state_of(checkpg::SurveyedServer& server);

/// Gives it another system identifier.
void move_to_cluster(checkpg::SurveyedServer& server, const std::string& system_identifier);
