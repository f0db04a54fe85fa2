#pragma once

#include "routes/routing.hpp"
#include "routes/text.hpp"

#include <functional>
#include <string>
#include <vector>

/// What is looked at again and again, and how it is shown: HAProxy alone, or PostgreSQL beside it.
struct RoutesView {
    std::function<checkpg::Routes()> look;
    std::function<std::vector<std::string>(const checkpg::Routes&, checkpg::TextStyle)> table;
    std::function<std::string(const checkpg::Routes&, bool compact)> json;
};
