#include "routes/frontends.hpp"

#include <algorithm>

namespace checkpg {

namespace {

using Names = std::vector<std::string>;

/// "orders" of "orders-backend".
std::string_view stem_of(std::string_view name) noexcept {
    for (const std::string_view kind : {"backend", "frontend"})
        if (name.ends_with(kind))
            name.remove_suffix(kind.size());
    while (name.ends_with('-') || name.ends_with('_') || name.ends_with('.'))
        name.remove_suffix(1);
    return name;
}

bool is_frontend(const RouteEntry& entry) noexcept {
    return entry.row.kind == StatRow::Kind::frontend;
}

bool leads_to_any(const RouteEntry& frontend, const Names& backends) {
    return std::any_of(backends.begin(), backends.end(), [&](const std::string& backend) {
        return leads_by_name(frontend.row.proxy, backend);
    });
}

Names named_backends(const RouteRules& rules) {
    Names names = rules.read_write;
    names.insert(names.end(), rules.read_only.begin(), rules.read_only.end());
    return names;
}

bool each_has_one(const Names& backends, const std::vector<RouteEntry>& entries) {
    return std::all_of(backends.begin(), backends.end(), [&](const std::string& backend) {
        return std::any_of(entries.begin(), entries.end(), [&](const RouteEntry& entry) {
            return is_frontend(entry) && leads_by_name(entry.row.proxy, backend);
        });
    });
}

} // namespace

bool leads_by_name(std::string_view frontend, std::string_view backend) noexcept {
    if (frontend == backend)
        return true;
    const auto stem = stem_of(frontend);
    return !stem.empty() && stem == stem_of(backend);
}

void mark_frontends(std::vector<RouteEntry>& entries, const Names& all_backends,
                    const RouteRules& rules) {
    const Names ours = named_backends(rules);
    const bool known_by_name = each_has_one(ours, entries);
    for (RouteEntry& entry : entries) {
        if (!is_frontend(entry))
            continue;
        if (!rules.frontends.empty())
            entry.leads_elsewhere = std::find(rules.frontends.begin(), rules.frontends.end(),
                                              entry.row.proxy) == rules.frontends.end();
        else
            entry.leads_elsewhere =
                !leads_to_any(entry, ours) && (known_by_name || leads_to_any(entry, all_backends));
    }
}

} // namespace checkpg
