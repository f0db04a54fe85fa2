#include "routes/server_table.hpp"

#include "routes/server_view.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <utility>

namespace checkpg {

namespace {

/// Adds to a list of different texts: "standby / access denied".
void append_if_new(std::vector<std::string>& texts, std::string text) {
    if (std::find(texts.begin(), texts.end(), text) == texts.end())
        texts.push_back(std::move(text));
}

std::string joined(const std::vector<std::string>& texts) {
    return fmt::format("{}", fmt::join(texts, " / "));
}

/// What is different among what its lines say.
std::string each_of(const ServerView& server,
                    const std::function<std::string(const RouteEntry&)>& cell) {
    std::vector<std::string> texts;
    for (const RouteEntry* entry : server.entries)
        append_if_new(texts, cell(*entry));
    return joined(texts);
}

std::string words_of(const RouteEntry& entry) {
    if (!entry.serving)
        return idle_reason(entry);
    const auto kind = entry.check.kind;
    return kind == LastCheck::Kind::passed || kind == LastCheck::Kind::none
               ? "UP"
               : "UP, " + entry.check.words;
}

/// What the server is to this role, in the worst colour of its lines.
TextCell role_cell(const ServerView& server, BackendRole role) {
    std::vector<std::string> texts;
    TextCell cell;
    for (const RouteEntry* entry : server.entries)
        if (entry->role == role) {
            append_if_new(texts, words_of(*entry));
            cell.colour = std::max(cell.colour, colour_of(*entry));
        }
    cell.text = text_cell(joined(texts));
    return cell;
}

StatRow::Number sessions_of(const ServerView& server) {
    StatRow::Number sum;
    for (const RouteEntry* entry : server.entries)
        if (entry->row.sessions)
            sum = sum.value_or(0) + *entry->row.sessions;
    return sum;
}

/// The time since the last change in any of its lines.
StatRow::Number since_change(const ServerView& server) {
    StatRow::Number least;
    for (const RouteEntry* entry : server.entries)
        if (entry->row.since_change)
            least = std::min(least.value_or(*entry->row.since_change), *entry->row.since_change);
    return least;
}

/// The less the higher on the screen.
enum class Rank { broken, doubtful, changed, primary, standby, other };

bool is_changed(const ServerView& server) {
    return std::any_of(server.entries.begin(), server.entries.end(),
                       [](const RouteEntry* entry) { return entry->changed; });
}

bool is_doubtful(const ServerView& server) {
    return std::any_of(server.entries.begin(), server.entries.end(), [](const RouteEntry* entry) {
        return entry->serving && entry->check.kind != LastCheck::Kind::passed &&
               entry->check.kind != LastCheck::Kind::none;
    });
}

Rank rank_of(const ServerView& server, const Routes& routes, TextStyle style) {
    const bool writes = server.serves(BackendRole::read_write);
    const bool reads = server.serves(BackendRole::read_only);
    const bool idle = !writes && !reads && !server.serves_unchecked();
    if ((idle && !idle_server(server).by_role) || (writes && routes.primaries.size() > 1))
        return Rank::broken;
    if (is_doubtful(server) || (writes && reads))
        return Rank::doubtful;
    if (style.marks && is_changed(server))
        return Rank::changed;
    return writes ? Rank::primary : reads ? Rank::standby : Rank::other;
}

std::vector<ServerView> worst_first(const Routes& routes, TextStyle style) {
    std::vector<std::pair<Rank, ServerView>> ranked;
    for (ServerView& server : view_servers(routes.entries)) {
        const Rank rank = rank_of(server, routes, style);
        ranked.emplace_back(rank, std::move(server));
    }
    std::stable_sort(ranked.begin(), ranked.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<ServerView> servers;
    servers.reserve(ranked.size());
    for (auto& [rank, server] : ranked)
        servers.push_back(std::move(server));
    return servers;
}

} // namespace

std::vector<std::string> server_table(const Routes& routes, TextStyle style) {
    std::vector<TextColumn> columns{
        {"SERVER"}, {"READ-WRITE"}, {"READ-ONLY"}, {"SESSIONS", true}, {"SINCE", true}};
    if (style.verbose)
        columns.insert(columns.end(), {{"HAPROXY"}, {"ADDRESS"}, {"DETAIL"}});
    std::vector<TextRow> rows;
    for (const ServerView& server : worst_first(routes, style)) {
        TextRow row{{{text_cell(server.name)},
                     role_cell(server, BackendRole::read_write),
                     role_cell(server, BackendRole::read_only),
                     {number_cell(sessions_of(server))},
                     {age_cell(since_change(server))}},
                    is_changed(server)};
        if (style.verbose) {
            row.cells.push_back({each_of(server, raw_check_cell)});
            row.cells.push_back(
                {each_of(server, [](const RouteEntry& e) { return text_cell(e.row.address); })});
            row.cells.push_back({each_of(
                server, [](const RouteEntry& e) { return text_cell(e.row.check_detail); })});
        }
        rows.push_back(std::move(row));
    }
    return rows.empty() ? std::vector<std::string>{} : table_lines(columns, rows, style);
}

} // namespace checkpg
