#include "base/config_file.hpp"
#include "base/error.hpp"
#include "check/settings.hpp"
#include "expect.hpp"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace {

using checkpg::ConfigEntry;

const char* no_variable(const char*) { return nullptr; }

/// The entries as a file that says the same.
std::string written(const std::vector<ConfigEntry>& entries) {
    std::string text = "# the same again\n";
    std::string_view section;
    for (const ConfigEntry& entry : entries) {
        if (entry.section != section)
            text += "[" + entry.section + "]\n";
        section = entry.section;
        // A value with both kinds of quote was written without any around it.
        const std::string quote = entry.value.find('"') == std::string::npos    ? "\""
                                  : entry.value.find('\'') == std::string::npos ? "'"
                                                                                : "";
        text += entry.key + " = " + quote + entry.value + quote + "\n";
    }
    return text;
}

bool same(const ConfigEntry& a, const ConfigEntry& b) {
    return a.section == b.section && a.key == b.key && a.value == b.value;
}

void expect_good_entries(const std::vector<ConfigEntry>& entries, std::string_view text) {
    const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
    std::set<std::pair<std::string, std::string>> keys;
    std::size_t last_line = 0;
    for (const ConfigEntry& entry : entries) {
        EXPECT(last_line < entry.line && entry.line <= lines);
        EXPECT(!entry.key.empty());
        EXPECT(keys.emplace(entry.section, entry.key).second);
        last_line = entry.line;
    }
    const auto again = checkpg::parse_config(written(entries), "again.conf");
    EXPECT(std::equal(entries.begin(), entries.end(), again.begin(), again.end(), same));
}

void expect_good_settings(const checkpg::Settings& settings) {
    EXPECT(checkpg::allowed_timeout(settings.timeout));
    EXPECT(checkpg::allowed_timeout(settings.peer_timeout));
    EXPECT(settings.peers.empty() || settings.peer_timeout < settings.timeout);
    EXPECT(settings.peers.size() <= checkpg::most_peers);
    std::set<std::string> keys;
    for (const auto& setting : settings.connection)
        EXPECT(keys.insert(setting.key).second);
    EXPECT(checkpg::value_of(settings.connection, "hostaddr") == "127.0.0.1");
    EXPECT(!checkpg::value_of(settings.connection, "user").empty());
    EXPECT(!checkpg::value_of(settings.connection, "dbname").empty());
    EXPECT(checkpg::value_of(settings.connection, "target_session_attrs").empty());
    for (const auto& setting : settings.explained)
        EXPECT(setting.key != "password" || setting.value == "********");
}

/// What a person gets who asks about 127.0.0.1 and names the file's last section.
void use(std::vector<ConfigEntry> entries, bool read_by_others) {
    checkpg::Invocation invocation;
    invocation.options = {{"host", "127.0.0.1", "argument HOST"},
                          {"hostaddr", "127.0.0.1", "argument HOST"}};
    if (!entries.empty())
        invocation.backend = entries.back().section;
    const checkpg::ConfigFile file{"checkpg.conf", std::move(entries), read_by_others};
    const auto settings = checkpg::make_settings("checkpgprimary", invocation, file, no_variable);
    expect_good_settings(settings);
    EXPECT(!read_by_others || checkpg::value_of(settings.connection, "password").empty());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    try {
        auto entries = checkpg::parse_config(text, "checkpg.conf");
        expect_good_entries(entries, text);
        use(std::move(entries), size % 2 == 0);
    } catch (const checkpg::Error& error) {
        EXPECT(error.code() == checkpg::ExitCode::configuration);
        EXPECT(std::string_view{error.what()}.find("checkpg.conf") == 0 ||
               std::string_view{error.what()}.find("peer-timeout") == 0);
    }
    return 0;
}
