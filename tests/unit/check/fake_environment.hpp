#pragma once

#include "check/invocation.hpp"

#include <map>

/// An environment made of exactly these variables.
inline checkpg::EnvironmentLookup environment_of(std::map<std::string, std::string> variables) {
    return [variables = std::move(variables)](const char* name) -> const char* {
        const auto found = variables.find(name);
        return found == variables.end() ? nullptr : found->second.c_str();
    };
}
