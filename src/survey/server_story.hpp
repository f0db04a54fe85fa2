#pragma once

#include "routes/routing.hpp"
#include "survey/survey.hpp"

#include <string>
#include <vector>

namespace checkpg {

/// A check of one server made by hand for one backend.
struct BackendCheck {
    std::vector<std::string> lines; ///< what HAProxy has, then the check step by step
    std::string json;               ///< the same check as one object
    std::vector<Problem> problems;  ///< if HAProxy routes otherwise
};

/// Makes the check of this server's backend, as HAProxy would have it made. Throws a configuration
/// error.
BackendCheck check_backend_server(const BackendServer& server, const SurveySettings& how);

} // namespace checkpg
