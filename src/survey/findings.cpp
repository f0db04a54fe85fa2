#include "survey/findings.hpp"

#include "base/printable.hpp"
#include "base/words.hpp"
#include "check/report.hpp"
#include "routes/problems.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <map>
#include <string_view>
#include <utility>

namespace checkpg {

namespace {

using Names = std::vector<std::string>;

constexpr std::string_view statistics_role = "pg_read_all_stats";

void add_once(Names& names, const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end())
        names.push_back(name);
}

std::string listed(const Names& names) { return fmt::format("{}", fmt::join(names, ", ")); }

std::string reason_of(const Failure& failure) {
    return fmt::format("{}: {}", words(failure.code), failure.text);
}

class SurveyFindings {
public:
    explicit SurveyFindings(const std::vector<SurveyedServer>& servers) : servers_{servers} {}

    void all() {
        two_primaries();
        for (const SurveyedServer& server : servers_)
            if (server.answer.state() == nullptr)
                no_answer(server);
            else
                wrong_role(server);
        other_clusters();
        other_timelines();
        versions();
        no_primary();
        paused();
        hidden();
    }

    std::vector<Problem> problems;
    Names notes;

private:
    void add(RouteState state, std::string_view text) {
        problems.push_back({state, printable(text), printable(text)});
    }

    void two_primaries() {
        const auto primaries = primaries_of(servers_);
        if (primaries.size() < 2)
            return;
        Names texts;
        for (const SurveyedServer* primary : primaries)
            texts.push_back(fmt::format("{} (timeline {})", primary->name,
                                        primary->answer.state()->identity->timeline));
        add(RouteState::critical, fmt::format("{} servers say they are the primary: {}",
                                              primaries.size(), listed(texts)));
    }

    /// What HAProxy has found itself is said already.
    void no_answer(const SurveyedServer& server) {
        const bool has_traffic = server.gets_writes || server.gets_reads;
        if (has_traffic || !server.in_trouble)
            add(RouteState::warning,
                fmt::format("{} gives no answer{}: {}", server.name,
                            has_traffic ? fmt::format(", and HAProxy routes to it ({})",
                                                      routed_words(server))
                                        : "",
                            reason_of(server.answer.failure())));
    }

    void wrong_role(const SurveyedServer& server) {
        if (server.gets_writes && server.is_standby())
            add(RouteState::critical,
                fmt::format("HAProxy sends writes to {}, which says it is a standby", server.name));
        if (server.gets_reads && !server.is_fallback && server.is_primary())
            add(RouteState::warning,
                fmt::format("HAProxy sends reads to {}, which says it is the primary",
                            server.name));
    }

    /// Whose cluster is the right one: that of the server that gets writes, else of a primary, else
    /// of the first one.
    const SurveyedServer* measure() const {
        const SurveyedServer* best = nullptr;
        const auto rank = [](const SurveyedServer& server) {
            return (server.gets_writes ? 2 : 0) + (server.is_primary() ? 1 : 0);
        };
        for (const SurveyedServer& server : servers_)
            if (server.answer.state() != nullptr && (best == nullptr || rank(server) > rank(*best)))
                best = &server;
        return best;
    }

    void other_clusters() {
        const SurveyedServer* const right = measure();
        for (const SurveyedServer& server : servers_) {
            const ServerState* const state = server.answer.state();
            if (state == nullptr || state->identity->same_cluster(*right->answer.state()->identity))
                continue;
            const bool has_traffic = server.gets_writes || server.gets_reads;
            add(has_traffic ? RouteState::critical : RouteState::warning,
                fmt::format("{} is of another cluster than {}: its system identifier is {}, not {}",
                            server.name, right->name, state->identity->system_identifier,
                            right->answer.state()->identity->system_identifier));
        }
    }

    void other_timelines() {
        const auto primaries = primaries_of(servers_);
        if (primaries.size() != 1)
            return;
        const SurveyedServer& primary = *primaries.front();
        const Identity& right = *primary.answer.state()->identity;
        for (const SurveyedServer& server : servers_) {
            if (!server.is_standby() || !server.answer.state()->identity->same_cluster(right))
                continue;
            const auto timeline = standing_of(server, servers_).timeline;
            if (timeline && *timeline != right.timeline)
                add(RouteState::warning,
                    fmt::format("{} is on timeline {}, {} than that of the primary {}, {}",
                                server.name, *timeline,
                                *timeline < right.timeline ? "older" : "newer", primary.name,
                                right.timeline));
        }
    }

    void versions() {
        std::map<int, Names, std::greater<>> names_of; // by version, newest first
        for (const SurveyedServer& server : servers_)
            if (server.answer.state() != nullptr)
                add_once(names_of[server.answer.contact.server_version], server.name);
        if (names_of.size() < 2)
            return;
        Names texts;
        for (const auto& [version, names] : names_of)
            texts.push_back(fmt::format("{} ({})", version_words(version), listed(names)));
        const auto major = [](int version) { return version / 10'000; };
        const auto text = fmt::format("PostgreSQL {}", fmt::join(texts, ", "));
        if (major(names_of.begin()->first) != major(names_of.rbegin()->first))
            add(RouteState::warning, "major versions differ: " + text);
        else
            notes.push_back("minor versions differ: " + text);
    }

    void no_primary() {
        std::vector<const SurveyedServer*> standbys;
        for (const SurveyedServer& server : servers_)
            if (server.is_standby())
                standbys.push_back(&server);
        if (standbys.size() < 2 || !primaries_of(servers_).empty())
            return;
        if (const SurveyedServer* const leader = leader_of(*standbys.front(), servers_))
            notes.push_back(
                fmt::format("no primary answered: lag is counted from {}, which has the most WAL",
                            leader->name));
    }

    void paused() {
        Names names;
        for (const SurveyedServer& server : servers_)
            if (server.is_standby() && server.answer.state()->replay->paused)
                add_once(names, server.name);
        if (!names.empty())
            notes.push_back(fmt::format("replay is paused on {}", listed(names)));
    }

    /// A role that is no member sees less on each server alike.
    void hidden() {
        std::map<std::string, Names> names_of; // by role
        for (const SurveyedServer& server : servers_) {
            const ServerState* const state = server.answer.state();
            if (state != nullptr &&
                (!state->vitals->connections || state->receiver == Receiver::hidden))
                add_once(names_of[server.user], server.name);
        }
        for (const auto& [user, names] : names_of)
            notes.push_back(fmt::format(
                "connections and what a WAL receiver does are hidden on {}: GRANT {} TO {}",
                listed(names), statistics_role,
                is_alphanumeric(user, "_") ? user : "the check's role"));
    }

    const std::vector<SurveyedServer>& servers_;
};

} // namespace

void add_findings(Routes& routes, const std::vector<SurveyedServer>& servers) {
    SurveyFindings findings{servers};
    findings.all();
    add_problems(routes, std::move(findings.problems));
    std::move(findings.notes.begin(), findings.notes.end(), std::back_inserter(routes.notes));
}

void add_problems(Routes& routes, std::vector<Problem> problems) {
    std::move(problems.begin(), problems.end(), std::back_inserter(routes.problems));
    rank_problems(routes);
}

} // namespace checkpg
