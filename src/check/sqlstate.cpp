#include "check/sqlstate.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace checkpg {

namespace {

constexpr std::size_t sqlstate_length = 5;
constexpr std::string_view before_sqlstate = ":  ";
constexpr std::string_view after_sqlstate = ": ";

constexpr std::array<std::pair<std::string_view, ExitCode>, 6> known_states{{
    {"3D000", ExitCode::access_denied}, // invalid_catalog_name: no such database
    {"42501", ExitCode::access_denied}, // insufficient_privilege
    {"53300", ExitCode::not_ready},     // too_many_connections
    {"57P01", ExitCode::not_ready},     // admin_shutdown
    {"57P02", ExitCode::not_ready},     // crash_shutdown
    {"57P03", ExitCode::not_ready},     // cannot_connect_now
}};

bool is_sqlstate(std::string_view text) noexcept {
    return text.size() == sqlstate_length && std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
           });
}

/// Where the SQLSTATE starts in this line, or npos.
std::size_t find_sqlstate(std::string_view line) noexcept {
    for (auto at = line.find(before_sqlstate); at != std::string_view::npos;
         at = line.find(before_sqlstate, at + 1)) {
        const auto start = at + before_sqlstate.size();
        const auto end = start + sqlstate_length;
        if (is_sqlstate(line.substr(start, sqlstate_length)) &&
            line.substr(std::min(end, line.size()), after_sqlstate.size()) == after_sqlstate)
            return start;
    }
    return std::string_view::npos;
}

/// "connection to server at ... failed: " only repeats which server was asked.
std::string_view without_preamble(std::string_view line) noexcept {
    constexpr std::string_view start = "connection to server ";
    constexpr std::string_view end = " failed: ";
    const auto at = line.find(end);
    if (line.substr(0, start.size()) != start || at == std::string_view::npos)
        return line;
    return line.substr(at + end.size());
}

/// The severity before the SQLSTATE and the text behind it.
std::string essence(std::string_view line, std::size_t sqlstate) {
    const std::string_view before =
        without_preamble(line.substr(0, sqlstate - before_sqlstate.size()));
    const std::string_view text = line.substr(sqlstate + sqlstate_length + after_sqlstate.size());
    return std::string{before} + ": " + std::string{text};
}

} // namespace

ExitCode code_of_sqlstate(std::string_view sqlstate) noexcept {
    if (sqlstate.substr(0, 2) == "28") // invalid_authorization_specification, invalid_password
        return ExitCode::access_denied;
    for (const auto& [state, code] : known_states)
        if (state == sqlstate)
            return code;
    return ExitCode::unexpected_answer;
}

ErrorText take_apart(std::string_view message) {
    ErrorText last;
    while (!message.empty()) {
        const auto end = std::min(message.find('\n'), message.size());
        const std::string_view line = message.substr(0, end);
        message.remove_prefix(std::min(end + 1, message.size()));
        const auto sqlstate = find_sqlstate(line);
        if (sqlstate != std::string_view::npos)
            last = {std::string{line.substr(sqlstate, sqlstate_length)}, essence(line, sqlstate)};
        else if (last.sqlstate.empty() && (last.text.empty() || without_preamble(line) != line))
            last.text = without_preamble(line); // further lines are hints
    }
    return last;
}

} // namespace checkpg
