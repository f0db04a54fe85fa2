#pragma once

#include "routes/text.hpp"
#include "survey/standing.hpp"

#include <string>
#include <vector>

namespace checkpg {

/// A header, then one line for each server; one that gave no answer has the reason in its line.
std::vector<std::string> survey_lines(const std::vector<SurveyedServer>& servers, TextStyle style);

} // namespace checkpg
