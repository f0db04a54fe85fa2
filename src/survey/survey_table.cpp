#include "survey/survey_table.hpp"

#include "base/printable.hpp"
#include "base/units.hpp"
#include "check/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace checkpg {

namespace {

constexpr std::array<std::string_view, 13> titles{
    "NAME", "ADDRESS", "ROUTED",      "ROLE",    "TIMELINE", "RECEIVE-LAG",   "REPLAY-LAG",
    "AGE",  "UPTIME",  "CONNECTIONS", "VERSION", "TLS",      "AUTHENTICATION"};
constexpr std::size_t first_answered = 3;

using Cells = std::vector<std::string>; ///< of a server without an answer the first ones only

template <typename Value, typename Words>
std::string cell(const std::optional<Value>& value, Words in_words) {
    return value ? in_words(*value) : "-";
}

std::string number_words(std::uint32_t number) { return std::to_string(number); }

std::string duration_words(milliseconds duration) { return rough_duration(duration); }

/// To the second: what runs for less has just started.
std::string uptime_words(milliseconds duration) {
    return rough_duration(std::chrono::duration_cast<std::chrono::seconds>(duration));
}

std::string text_cell(std::string_view text) { return text.empty() ? "-" : printable(text); }

Cells cells_of(const SurveyedServer& server, const std::vector<SurveyedServer>& servers) {
    Cells cells{text_cell(server.name), text_cell(server.asked), routed_words(server)};
    const ServerState* const state = server.answer.state();
    if (state == nullptr)
        return cells;
    const Standing standing = standing_of(server, servers);
    const Vitals& vitals = *state->vitals;
    const Contact& contact = server.answer.contact;
    cells.emplace_back(state->in_recovery ? "standby" : "primary");
    cells.push_back(cell(standing.timeline, number_words));
    cells.push_back(cell(standing.receive_lag, rough_size));
    cells.push_back(cell(standing.replay_lag, rough_size));
    cells.push_back(state->in_recovery ? cell(state->replay->age, duration_words) : "-");
    cells.push_back(uptime_words(vitals.uptime));
    cells.push_back(
        fmt::format("{}/{}", cell(vitals.connections, number_words), vitals.most_connections));
    cells.push_back(version_words(contact.server_version));
    cells.push_back(text_cell(contact.tls.substr(0, contact.tls.find(','))));
    cells.push_back(text_cell(contact.authentication));
    return cells;
}

std::string padded(const Cells& cells, const std::array<std::size_t, titles.size()>& widths) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i)
        line += i + 1 == titles.size() ? cells[i] : fmt::format("{:<{}}  ", cells[i], widths[i]);
    return line;
}

} // namespace

std::vector<std::string> survey_lines(const std::vector<SurveyedServer>& servers, TextStyle style) {
    std::vector<Cells> rows;
    rows.reserve(servers.size());
    std::array<std::size_t, titles.size()> widths{};
    for (std::size_t i = 0; i < titles.size(); ++i)
        widths[i] = titles[i].size();
    for (const SurveyedServer& server : servers) {
        rows.push_back(cells_of(server, servers));
        for (std::size_t i = 0; i < rows.back().size(); ++i)
            widths[i] = std::max(widths[i], rows.back()[i].size());
    }
    std::vector<std::string> lines{padded({titles.begin(), titles.end()}, widths)};
    for (std::size_t i = 0; i < rows.size(); ++i) {
        lines.push_back(padded(rows[i], widths));
        if (rows[i].size() > first_answered)
            continue;
        const Failure& failure = servers[i].answer.failure();
        const auto why = printable(fmt::format("{}: {}", words(failure.code), failure.text));
        lines.back() += style.colour ? fmt::format("\x1b[31m{}\x1b[0m", why) : why;
    }
    return lines;
}

} // namespace checkpg
