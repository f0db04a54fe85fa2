#pragma once

#include "base/config_file.hpp"
#include "check/settings.hpp"
#include "survey/backend_servers.hpp"
#include "survey/standing.hpp"

#include <optional>
#include <vector>

namespace checkpg {

/// How servers are asked: as the checks of their backends would.
struct SurveySettings {
    std::optional<ConfigFile> config;
    std::optional<milliseconds> timeout; ///< instead of the checks' own
};

/// How the check of this server connects, by the arguments that HAProxy gives it, its environment,
/// which is none, and the file. It connects by itself, as by hand: keepers are HAProxy's. Throws a
/// configuration error.
Invocation invocation_for(const BackendServer& server, const SurveySettings& how);
Settings settings_for(std::string_view program, const Invocation& invocation,
                      const SurveySettings& how);

/// Asks all these servers at once, each once in the same way, and ends within the longest timeout
/// of their checks, counted from `begun`. Throws a configuration error.
std::vector<SurveyedServer> ask_backend_servers(const std::vector<BackendServer>& servers,
                                                const SurveySettings& how,
                                                Deadline::Clock::time_point begun);

} // namespace checkpg
