#include "report.hpp"

#include "version.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace checkpg {

namespace {

using Json = nlohmann::ordered_json;
using Duration = Deadline::Clock::duration;

double in_milliseconds(Duration duration) {
    return std::chrono::duration<double, std::milli>{duration}.count();
}

std::string step(Duration when, std::string_view text) {
    return fmt::format("{:8.1f} ms  {}\n", in_milliseconds(when), text);
}

std::string server_name(const Settings& settings) {
    const auto host = value_of(settings.connection, "host");
    const auto address = value_of(settings.connection, "hostaddr");
    const auto port = value_of(settings.connection, "port");
    const bool ipv6 = address.find(':') != std::string_view::npos;
    const std::string place = address.empty() ? fmt::format("{}:{}", host, port)
                              : ipv6          ? fmt::format("[{}]:{}", address, port)
                                              : fmt::format("{}:{}", address, port);
    const bool named = !host.empty() && !address.empty() && host != address;
    return named ? fmt::format("{} ({})", host, place) : place;
}

/// 150018 as "15.18".
std::string version_words(int server_version) {
    return fmt::format("{}.{}", server_version / 10000, server_version % 10000);
}

std::string settings_lines(const Report& report) {
    std::string lines;
    for (const Setting& setting : report.settings.explained)
        if (!setting.value.empty())
            lines += fmt::format("{:>11}  {} = {}  ({})\n", "", setting.key, setting.value,
                                 setting.origin);
    return lines;
}

std::string contact_lines(const Answer& server) {
    const Contact& contact = server.contact;
    std::string lines;
    if (contact.connected)
        lines += step(*contact.connected,
                      fmt::format("connected to {}, port {}", contact.address, contact.port));
    if (contact.authenticated)
        lines += step(*contact.authenticated,
                      fmt::format("logged in to PostgreSQL {}; authentication: {}; TLS: {}",
                                  version_words(contact.server_version), contact.authentication,
                                  contact.tls.empty() ? "none" : contact.tls));
    if (contact.answered && server.state() != nullptr)
        lines += step(*contact.answered,
                      fmt::format("answer: pg_is_in_recovery = {}", server.state()->in_recovery));
    return lines;
}

Json optional_time(const std::optional<Duration>& when) {
    return when ? Json(in_milliseconds(*when)) : Json(nullptr);
}

Json server_object(const Answer& server) {
    const Contact& contact = server.contact;
    Json object{{"connected_ms", optional_time(contact.connected)},
                {"authenticated_ms", optional_time(contact.authenticated)},
                {"answered_ms", optional_time(contact.answered)},
                {"server_version", contact.server_version},
                {"tls", contact.tls},
                {"authentication", contact.authentication}};
    if (server.state() != nullptr)
        object["in_recovery"] = server.state()->in_recovery;
    else
        object["failure"] = {{"sqlstate", server.failure().sqlstate},
                             {"text", server.failure().text}};
    return object;
}

Json settings_array(const Settings& settings) {
    Json array = Json::array();
    for (const Setting& setting : settings.explained)
        if (!setting.value.empty())
            array.push_back(
                {{"key", setting.key}, {"value", setting.value}, {"origin", setting.origin}});
    return array;
}

} // namespace

std::string summary(const Report& report) {
    return fmt::format("{}: {}", server_name(report.settings), report.check.verdict.reason);
}

std::string story(const Report& report) {
    std::string text =
        step({}, fmt::format("{} asks {}", report.program, server_name(report.settings)));
    text += settings_lines(report);
    text += contact_lines(report.check.server);
    text += step(report.elapsed, fmt::format("exit code {} ({})", to_int(report.check.verdict.code),
                                             words(report.check.verdict.code)));
    return text + summary(report) + "\n";
}

std::string json(const Report& report) {
    const Verdict& verdict = report.check.verdict;
    const Json object{{"program", report.program},
                      {"version", version},
                      {"wanted", name(report.wanted)},
                      {"exit_code", to_int(verdict.code)},
                      {"meaning", words(verdict.code)},
                      {"reason", verdict.reason},
                      {"elapsed_ms", in_milliseconds(report.elapsed)},
                      {"target",
                       {{"host", value_of(report.settings.connection, "host")},
                        {"hostaddr", value_of(report.settings.connection, "hostaddr")},
                        {"port", value_of(report.settings.connection, "port")},
                        {"backend", report.invocation.backend}}},
                      {"server", server_object(report.check.server)},
                      {"settings", settings_array(report.settings)}};
    return object.dump(2, ' ', false, Json::error_handler_t::replace);
}

} // namespace checkpg
