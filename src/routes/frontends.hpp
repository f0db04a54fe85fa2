#pragma once

#include "routes/routing.hpp"

#include <string_view>
#include <vector>

namespace checkpg {

/// Whether, by their names, this frontend leads to this backend: "orders-frontend" to
/// "orders-backend", and a `listen` section to itself. HAProxy doesn't tell.
bool leads_by_name(std::string_view frontend, std::string_view backend) noexcept;

/// Marks the frontends among the entries that lead to none of the named backends: all but those
/// that the rules name. If they name none, a frontend that by its name leads to another one of
/// `all_backends`; and, if each named backend has one by name, every other one.
void mark_frontends(std::vector<RouteEntry>& entries, const std::vector<std::string>& all_backends,
                    const RouteRules& rules);

} // namespace checkpg
