#pragma once

#include "routes/routing.hpp"
#include "routes/text.hpp"

#include <functional>
#include <string>

/// What is looked at, once or again and again, and how it is shown: HAProxy alone, or PostgreSQL
/// beside it.
struct RoutesView {
    std::function<checkpg::Routes()> look;
    std::function<checkpg::TextBelow(const checkpg::Routes&, checkpg::TextStyle)> below;
    std::function<std::string(const checkpg::Routes&, bool compact)> json;
};
