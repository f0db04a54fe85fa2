#pragma once

#include "routes/options.hpp"
#include "routes/text.hpp"
#include "survey/server_story.hpp"
#include "survey/survey.hpp"

#include <string>
#include <vector>

namespace checkpg {

/// Looks that ask PostgreSQL, too: all servers in the named backends, or all about one of them.
class Asking {
public:
    /// `server` is empty for all.
    Asking(RoutesSettings where, SurveySettings how, std::string server);

    /// Asks HAProxy, then the servers, and returns the routes with what doesn't fit together among
    /// their problems. Throws a usage error that has the names if there is no such server, and a
    /// configuration error of the checks'.
    Routes look();

    /// What the last look found, in place of the routes' table: a line for each server, or the
    /// checks of one step by step.
    std::vector<std::string> lines(TextStyle style) const;

    /// The routes of the last look with the same in them, as one JSON object.
    std::string json(const Routes& routes, bool compact) const;

private:
    void ask(Routes& routes, const std::vector<BackendServer>& servers,
             Deadline::Clock::time_point begun);
    void check_one(Routes& routes, const std::vector<BackendServer>& servers);

    RoutesSettings where_;
    SurveySettings how_;
    std::string server_;
    std::vector<SurveyedServer> servers_;
    std::vector<BackendCheck> checks_;
};

} // namespace checkpg
