#include "routes/history.hpp"

#include "base/printable.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace checkpg {

namespace {

using Kind = LogEvent::Kind;
using Events = std::deque<LogEvent>;

/// HAProxy logs a check's result and what follows from it one after the other.
constexpr std::chrono::seconds close_by{2};
/// So long after a start, or after its maintenance, a server may be up by no check.
constexpr std::chrono::seconds first_checks{15};

bool is_about_server(const LogEvent& event) noexcept { return !event.server.empty(); }

bool is_check(const LogEvent& event) noexcept {
    return event.kind == Kind::check_failed || event.kind == Kind::check_passed;
}

bool is_up_after(const LogEvent& event) noexcept {
    return is_check(event) ? event.status_up : event.kind == Kind::up;
}

auto key_of(const LogEvent& event) { return std::tie(event.backend, event.server); }

using ServerKey = std::tuple<std::string, std::string>;

bool belong_together(const LogEvent& check, const LogEvent& change) noexcept {
    return change.time - check.time <= close_by && is_up_after(check) == is_up_after(change);
}

void give_reason(const LogEvent& check, LogEvent& change) {
    if (!change.reason.empty())
        return;
    change.reason = check.reason;
    change.by_role = check.by_role;
    change.text = check.text + ' ' + change.text;
}

/// With `option log-health-checks` HAProxy has the reason in a line of its own, before that of the
/// change: it becomes the change's, and the line is dropped. A server that is up by no check and
/// fails the first one was not up for our purposes.
void join_lines(Events& events) {
    std::map<ServerKey, LogEvent*> next_change;
    std::map<ServerKey, LogEvent*> next_failure;
    std::vector<LogEvent*> dropped;
    for (std::size_t i = events.size(); i-- > 0;) {
        LogEvent& event = events[i];
        if (!is_about_server(event))
            continue;
        const ServerKey key = key_of(event);
        LogEvent*& change = next_change[key];
        LogEvent*& failure = next_failure[key];
        if (event.unchecked)
            event.unchecked = failure != nullptr && failure->time - event.time <= first_checks;
        if (is_check(event) && change != nullptr && belong_together(event, *change)) {
            give_reason(event, *change);
            dropped.push_back(&event);
        }
        if (!is_check(event))
            change = &event;
        failure = event.kind == Kind::down || event.kind == Kind::check_failed ? &event : nullptr;
    }
    for (LogEvent* event : dropped)
        event->server.clear();
    std::erase_if(events,
                  [](const LogEvent& event) { return is_check(event) && event.server.empty(); });
}

/// What is known of a server in one backend.
struct Known {
    std::optional<bool> up;
    bool unchecked = false;
    std::optional<WallTime> since;        ///< it is up or down
    std::optional<WallTime> reason_since; ///< it is down for that reason
    std::string reason;
};

/// A read-write backend's servers.
struct Writers {
    std::map<std::string, Known> servers;
    std::optional<std::size_t> gap; ///< the open one's position
};

class Historian {
public:
    explicit Historian(HistorySource source) {
        last_begin_ = source.started;
        history_.source = std::move(source);
    }

    void add(const LogEvent& event) {
        switch (event.kind) {
        case Kind::process_begins:
            last_begin_ = event.time;
            [[fallthrough]];
        case Kind::process_ends:
            add_row(event, event.kind == Kind::process_begins ? HistoryRow::Kind::process_begins
                                                              : HistoryRow::Kind::process_ends);
            return;
        case Kind::backend_empty:
            if (event.role == BackendRole::read_write)
                begin_gap(event, {});
            return;
        case Kind::check_failed:
        case Kind::check_passed:
            add_check(event);
            return;
        case Kind::up:
            go_up(event);
            return;
        case Kind::down:
            go_down(event);
            return;
        }
    }

    History take() && { return std::move(history_); }

private:
    Known& known(const LogEvent& event) { return backends_[event.backend].servers[event.server]; }

    HistoryRow& add_row(const LogEvent& event, HistoryRow::Kind kind) {
        HistoryRow row;
        row.kind = kind;
        row.time = event.time;
        row.process = event.process;
        if (is_about_server(event)) {
            row.backend = event.backend;
            row.role = event.role;
            row.server = event.server;
            row.reason = event.reason;
        }
        row.text = event.text;
        history_.rows.push_back(std::move(row));
        return history_.rows.back();
    }

    void add_change(const LogEvent& event, HistoryRow::Kind kind, const Known& before,
                    std::optional<WallTime> since) {
        HistoryRow& row = add_row(event, kind);
        row.was_up = before.up;
        row.former_reason = before.reason;
        if (since)
            row.former_duration = event.time - *since;
    }

    /// A check's result that changed nothing: it tells the state, and why a server stays down.
    void add_check(const LogEvent& event) {
        if (!event.status_up)
            return event.kind == Kind::check_failed ? go_down(event) : void();
        if (event.kind == Kind::check_passed)
            return go_up(event);
        Known& server = known(event);
        if (!server.up)
            server.up = true;
    }

    void go_up(const LogEvent& event) {
        Known& server = known(event);
        const bool is_new = server.up != true;
        if (is_new) {
            add_change(event, HistoryRow::Kind::up, server, server.since);
            server = {true, event.unchecked, event.time, event.time, {}};
        } else if (server.unchecked && !event.unchecked) {
            server.unchecked = false;
        } else
            return;
        if (event.role == BackendRole::read_write && !server.unchecked)
            end_gap(event);
    }

    void go_down(const LogEvent& event) {
        Known& server = known(event);
        const Known before = server;
        if (before.up == false) {
            if (event.reason.empty() || event.reason == before.reason)
                return;
            add_change(event, HistoryRow::Kind::down, before, before.reason_since);
            server.reason = event.reason;
            server.reason_since = event.time;
            return;
        }
        add_change(event, HistoryRow::Kind::down, before, before.since);
        // Of one that was not known its check alone doesn't tell since when.
        const auto since = before.up || !is_check(event) ? std::optional{event.time} : std::nullopt;
        server = {false, false, since, event.time, event.reason};
        if (event.role == BackendRole::read_write)
            leave(event, before);
    }

    /// HAProxy counts everybody as up at its start: only who was seen up was primary, or who was
    /// the last one up at another time.
    bool was_primary(const LogEvent& event, const Known& before) const {
        if (before.up)
            return *before.up && !before.unchecked;
        const bool starting = last_begin_ && event.time - *last_begin_ <= first_checks;
        return event.left == 0 && !event.by_role && !starting;
    }

    void leave(const LogEvent& event, const Known& before) {
        const auto& servers = backends_[event.backend].servers;
        const auto is_other_primary = [&](const auto& one) {
            return one.first != event.server && one.second.up == true && !one.second.unchecked;
        };
        const auto other = std::find_if(servers.begin(), servers.end(), is_other_primary);
        const bool primary = was_primary(event, before);
        if (event.left ? *event.left == 0 : other == servers.end() && primary) {
            begin_gap(event, primary ? event.server : std::string{});
        } else if (primary && other != servers.end() && other->second.since &&
                   other->second.since > before.since) {
            history_.failovers.push_back(
                {event.backend, event.server, other->first, event.time, *other->second.since});
        }
    }

    void begin_gap(const LogEvent& event, std::string left) {
        auto& gap = backends_[event.backend].gap;
        if (gap)
            return;
        gap = history_.without_primary.size();
        history_.without_primary.push_back({event.backend,
                                            event.time,
                                            std::nullopt,
                                            std::move(left),
                                            is_about_server(event) ? event.reason : std::string{},
                                            {}});
    }

    void end_gap(const LogEvent& event) {
        auto& position = backends_[event.backend].gap;
        if (!position)
            return;
        WithoutPrimary& gap = history_.without_primary[*position];
        position.reset();
        gap.end = event.time;
        gap.took_over = event.server;
        if (!gap.left.empty() && gap.left != event.server)
            history_.failovers.push_back(
                {event.backend, gap.left, event.server, gap.begin, event.time});
    }

    History history_;
    std::optional<WallTime> last_begin_;
    std::map<std::string, Writers> backends_;
};

std::string source_words(const HistorySource& source) {
    return source.ring ? fmt::format("HAProxy's ring '{}'", source.name) : printable(source.name);
}

std::string where_it_begins(const HaproxyLog& log, const HistorySource& source) {
    const auto time = [&](WallTime moment) { return local_time(moment, log.precise); };
    if (!source.ring)
        return log.begins ? fmt::format("{} goes from {} to {}", source_words(source),
                                        time(*log.begins), time(*log.ends))
                          : std::string{};
    std::string text =
        log.begins ? fmt::format("{} goes back to {}", source_words(source), time(*log.begins))
                   : fmt::format("{} is empty", source_words(source));
    if (source.started)
        text += fmt::format("; HAProxy was started or reloaded at {}, which empties it",
                            local_time(*source.started, false));
    return text;
}

std::vector<std::string> notes_on(const HaproxyLog& log, const HistorySource& source) {
    std::vector<std::string> notes;
    if (auto text = where_it_begins(log, source); !text.empty())
        notes.push_back(std::move(text));
    if (log.shortened)
        notes.emplace_back("the oldest changes are left out: there are more than can be kept");
    const bool none = std::none_of(log.events.begin(), log.events.end(), is_about_server);
    if (none && !log.other_backends.empty())
        notes.push_back(
            fmt::format("nothing is about a backend that is named; there is: {}",
                        printable(fmt::format("{}", fmt::join(log.other_backends, ", ")))));
    return notes;
}

void leave_out_before(WallTime since, History& history) {
    std::erase_if(history.rows, [&](const HistoryRow& row) { return row.time < since; });
    std::erase_if(history.failovers,
                  [&](const Failover& one) { return std::max(one.left, one.took_over) < since; });
    std::erase_if(history.without_primary,
                  [&](const WithoutPrimary& one) { return one.end && *one.end < since; });
}

} // namespace

History conclude_history(HaproxyLog log, HistorySource source, std::optional<WallTime> since) {
    std::stable_sort(log.events.begin(), log.events.end(),
                     [](const LogEvent& a, const LogEvent& b) { return a.time < b.time; });
    auto notes = notes_on(log, source);
    join_lines(log.events);
    Historian historian{std::move(source)};
    for (const LogEvent& event : log.events)
        historian.add(event);
    History history = std::move(historian).take();
    history.notes = std::move(notes);
    history.begins = log.begins;
    history.ends = log.ends;
    history.precise = log.precise;
    if (since)
        leave_out_before(*since, history);
    return history;
}

} // namespace checkpg
