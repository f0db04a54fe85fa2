#include "base/error.hpp"
#include "base/units.hpp"
#include "check/invocation.hpp"
#include "expect.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using checkpg::Invocation;
using checkpg::Setting;

constexpr std::size_t most_lines = 64;

/// The lines of an input: HAPROXY_PROXY_NAME, HAPROXY_SERVER_NAME, then one argument each.
std::vector<std::string> lines_of(std::string_view bytes) {
    std::vector<std::string> lines;
    while (!bytes.empty() && lines.size() < most_lines) {
        const auto end = bytes.find('\n');
        const auto line = bytes.substr(0, end);
        lines.emplace_back(line.substr(0, line.find('\0')));
        bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
    }
    lines.resize(std::max<std::size_t>(lines.size(), 2));
    return lines;
}

const Setting* find(const std::vector<Setting>& settings, std::string_view key) {
    const auto found = std::find_if(settings.begin(), settings.end(),
                                    [&](const Setting& setting) { return setting.key == key; });
    return found == settings.end() ? nullptr : &*found;
}

void expect_good_settings(const std::vector<Setting>& settings) {
    for (const Setting& setting : settings) {
        EXPECT(!setting.origin.empty());
        if (setting.key == "port")
            EXPECT(checkpg::parse_port(setting.value));
        if (setting.key == "hostaddr")
            EXPECT(setting.value.empty() || checkpg::is_ip_address(setting.value));
        if (setting.key == "host")
            EXPECT(!setting.value.empty());
        if (setting.key == "timeout")
            EXPECT(checkpg::allowed_timeout(checkpg::parse_duration(setting.value)));
    }
}

void expect_good_invocation(const Invocation& invocation) {
    const bool shows_help = invocation.action == Invocation::Action::show_help;
    EXPECT(shows_help == !invocation.help.empty());
    if (invocation.action != Invocation::Action::check)
        return;
    // HAProxy always names the server; a person may leave it to the file.
    const bool by_haproxy = invocation.form == Invocation::Form::haproxy;
    EXPECT(by_haproxy == (find(invocation.target, "host") != nullptr));
    EXPECT(by_haproxy == (find(invocation.target, "hostaddr") != nullptr));
    expect_good_settings(invocation.target);
    expect_good_settings(invocation.options);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto lines = lines_of({reinterpret_cast<const char*>(data), size});
    const auto environment = [&](const char* name) -> const char* {
        if (std::string_view{name} == "HAPROXY_PROXY_NAME")
            return lines[0].c_str();
        return std::string_view{name} == "HAPROXY_SERVER_NAME" ? lines[1].c_str() : nullptr;
    };
    std::vector<const char*> arguments;
    std::for_each(lines.begin() + 2, lines.end(),
                  [&](const std::string& line) { arguments.push_back(line.c_str()); });
    try {
        expect_good_invocation(checkpg::parse_invocation("checkpgprimary", arguments, environment));
    } catch (const checkpg::Error& error) {
        EXPECT(error.code() == checkpg::ExitCode::usage);
        EXPECT(!std::string_view{error.what()}.empty());
        EXPECT(std::string_view{error.what()}.find('\n') == std::string_view::npos);
    }
    return 0;
}
