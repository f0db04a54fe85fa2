#include "routes/server_view.hpp"

#include "base/printable.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace checkpg {

namespace {

using Entries = std::vector<const RouteEntry*>;

constexpr std::string_view maintenance = "MAINT";

/// Nothing goes to the server here, and for no other reason than its role, in the cluster or in
/// the backend.
bool by_role(const RouteEntry& entry) {
    if (entry.spare)
        return true;
    return entry.row.status.starts_with("DOWN") && !entry.row.status.starts_with("DOWN (agent)") &&
           entry.check.kind == LastCheck::Kind::other_role;
}

Entries with_trouble(const Entries& entries) {
    Entries result;
    for (const RouteEntry* entry : entries)
        if (!by_role(*entry))
            result.push_back(entry);
    return result;
}

bool all_alike(const Entries& entries) {
    return std::all_of(entries.begin(), entries.end(), [&](const RouteEntry* entry) {
        return idle_reason(*entry) == idle_reason(*entries.front());
    });
}

/// "unreachable (PostgresReadWrite-backend), timed out (PostgresReadOnly-backend)"
std::string each_reason(const Entries& entries) {
    std::vector<std::string> texts;
    for (const RouteEntry* entry : entries) {
        std::string text = fmt::format("{} ({})", idle_reason(*entry), entry->row.proxy);
        if (std::find(texts.begin(), texts.end(), text) == texts.end())
            texts.push_back(std::move(text));
    }
    return fmt::format("{}", fmt::join(texts, ", "));
}

} // namespace

bool ServerView::serves(BackendRole role) const noexcept {
    return std::any_of(entries.begin(), entries.end(), [&](const RouteEntry* entry) {
        return entry->serving && !entry->serves_unchecked() && entry->role == role;
    });
}

bool ServerView::serves_unchecked() const noexcept {
    return std::any_of(entries.begin(), entries.end(),
                       [](const RouteEntry* entry) { return entry->serves_unchecked(); });
}

std::string_view ServerView::address() const noexcept {
    const std::string_view first = entries.front()->row.address;
    const auto colon = first.rfind(':');
    if (colon == std::string_view::npos || first.substr(colon) == ":0")
        return {};
    const bool alike = std::all_of(entries.begin(), entries.end(), [&](const RouteEntry* entry) {
        return entry->row.address == first;
    });
    return alike ? first : std::string_view{};
}

std::vector<ServerView> view_servers(const std::vector<RouteEntry>& entries) {
    std::vector<ServerView> servers;
    std::unordered_map<std::string_view, std::size_t> positions;
    for (const RouteEntry& entry : entries) {
        if (entry.row.kind != StatRow::Kind::server || entry.unused)
            continue;
        const auto [found, is_new] = positions.try_emplace(entry.row.server, servers.size());
        if (is_new)
            servers.push_back({entry.row.server, {}});
        servers[found->second].entries.push_back(&entry);
    }
    return servers;
}

std::string idle_reason(const RouteEntry& entry) {
    const std::string& status = entry.row.status;
    if (entry.spare)
        return "a backup, not needed now";
    if (status.starts_with(maintenance))
        return "in maintenance" + printable(status.substr(maintenance.size()));
    if (status.starts_with("DRAIN"))
        return "draining";
    if (status.starts_with("NOLB"))
        return "finishing its sessions (NOLB)";
    if (status.starts_with("UP"))
        return "weight 0";
    if (status.starts_with("DOWN (agent)"))
        return "taken down by its agent";
    if (entry.check.kind == LastCheck::Kind::passed)
        return "coming up";
    if (entry.check.kind == LastCheck::Kind::none)
        return status.starts_with("DOWN") ? "down" : printable(status);
    return entry.check.words;
}

IdleServer idle_server(const ServerView& server) {
    const Entries trouble = with_trouble(server.entries);
    if (!trouble.empty())
        return {server.name,
                all_alike(trouble) ? idle_reason(*trouble.front()) : each_reason(trouble), false};
    const auto spare = std::find_if(server.entries.begin(), server.entries.end(),
                                    [](const RouteEntry* entry) { return entry->spare; });
    if (spare != server.entries.end())
        return {server.name, idle_reason(**spare), true};
    if (all_alike(server.entries))
        return {server.name, idle_reason(*server.entries.front()), true};
    return {server.name, "changing its role: " + each_reason(server.entries), false};
}

} // namespace checkpg
