#pragma once

#include "base/error.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>

/// What `parse` is refused with, or "accepted"; a refusal must be of this code.
template <typename Parse>
std::string refusal_of(checkpg::ExitCode code, const Parse& parse) {
    try {
        parse();
    } catch (const checkpg::Error& error) {
        CHECK(error.code() == code);
        return error.what();
    }
    return "accepted";
}
