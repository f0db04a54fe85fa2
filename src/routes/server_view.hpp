#pragma once

#include "routes/routing.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace checkpg {

/// One server with its lines in all named backends and processes. Borrows the entries.
struct ServerView {
    std::string name;
    std::vector<const RouteEntry*> entries;

    /// New connections of this role may go to it, in at least one backend and process where it was
    /// checked, or has no check.
    bool serves(BackendRole role) const noexcept;
    /// The address and port of all its lines; empty if they differ, or HAProxy doesn't tell a
    /// line's, or it is none that belongs to one server: "unix", or port 0, which stands for the
    /// client's.
    std::string_view address() const noexcept;
    /// New connections may go to it in at least one where it was not checked yet.
    bool serves_unchecked() const noexcept;
};

/// The servers among these entries, each once, in order of appearance; slots that are not in use
/// are none. The entries must outlive the result.
std::vector<ServerView> view_servers(const std::vector<RouteEntry>& entries);

/// Why this line of a server gets no traffic: "access denied", "in maintenance (via a/b)" ...
std::string idle_reason(const RouteEntry& entry);

/// A server that serves in no role, and why: what the checks of one backend only say of its role
/// gives way to what is wrong in another.
IdleServer idle_server(const ServerView& server);

} // namespace checkpg
