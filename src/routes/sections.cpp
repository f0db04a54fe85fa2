#include "routes/sections.hpp"

#include "base/error.hpp"
#include "base/units.hpp"
#include "base/words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace checkpg {

namespace {

constexpr std::string_view own_section = "checkpgroutes";

Error at_line(const ConfigFile& config, std::size_t line, std::string_view what) {
    return configuration_error(fmt::format("{}:{}: {}", config.path.native(), line, what));
}

/// Nothing for a section of the checks'; empty for [checkpgroutes].
std::optional<std::string> cluster_of(const ConfigFile& config, const ConfigEntry& entry) {
    const std::string_view section = entry.section;
    if (!section.starts_with(own_section))
        return std::nullopt;
    const auto words = words_in(section.substr(own_section.size()));
    if (section.size() == own_section.size())
        return "";
    const char behind = section[own_section.size()];
    if ((behind != ' ' && behind != '\t') || words.size() != 1 || !is_alphanumeric(words[0], "-_."))
        throw at_line(config, entry.section_line,
                      fmt::format("[{}] is no section of checkpgroutes: it is [{}], or [{} NAME] "
                                  "with a name of letters, digits, '-', '_' and '.'",
                                  section, own_section, own_section));
    return words[0];
}

class SectionReader {
public:
    SectionReader(const ConfigFile& config, RoutesSettings& settings)
        : config_{config}, settings_{settings} {}

    void apply(const ConfigEntry& entry) {
        if (entry.key == "socket")
            sockets(entry);
        else if (entry.key == "read-write")
            settings_.rules.read_write = words_in(entry.value);
        else if (entry.key == "read-only")
            settings_.rules.read_only = words_in(entry.value);
        else if (entry.key == "frontends")
            settings_.rules.frontends = words_in(entry.value);
        else if (entry.key == "timeout")
            timeout(entry);
        else if (entry.key == "session-warning")
            session_warning(entry);
        else
            fail(entry, fmt::format("unknown key '{}' in section [{}]", entry.key, entry.section));
    }

private:
    [[noreturn]] void fail(const ConfigEntry& entry, std::string_view what) const {
        throw at_line(config_, entry.line, what);
    }

    void sockets(const ConfigEntry& entry) {
        settings_.sockets.clear();
        for (const std::string& text : words_in(entry.value)) {
            auto socket = parse_stats_socket(text);
            if (!socket)
                fail(entry, fmt::format("'{}' is no socket: give a path, or a numeric address and "
                                        "a port such as 127.0.0.1:9999",
                                        text));
            settings_.sockets.push_back(*std::move(socket));
        }
    }

    void timeout(const ConfigEntry& entry) {
        const auto span = allowed_timeout(parse_duration(entry.value));
        if (!span)
            fail(entry, fmt::format("'{}' is no timeout from 1ms to 60s", entry.value));
        settings_.timeout = *span;
    }

    void session_warning(const ConfigEntry& entry) {
        std::string_view text = entry.value;
        if (text.ends_with('%'))
            text.remove_suffix(1);
        const auto percent = parse_port(text); // a whole number from 1, nothing else
        if (!percent || *percent > 100)
            fail(entry, fmt::format("'{}' is no percentage from 1% to 100%", entry.value));
        settings_.rules.session_warning_percent = *percent;
    }

    const ConfigFile& config_;
    RoutesSettings& settings_;
};

bool names_proxies(const ConfigEntry& entry) noexcept {
    return entry.key == "read-write" || entry.key == "read-only" || entry.key == "frontends";
}

} // namespace

std::vector<std::string> cluster_names(const ConfigFile& config) {
    std::vector<std::string> names;
    for (const ConfigEntry& entry : config.entries) {
        const auto name = cluster_of(config, entry);
        if (name && !name->empty() && std::find(names.begin(), names.end(), *name) == names.end())
            names.push_back(*name);
    }
    return names;
}

RoutesSettings section_settings(const std::optional<ConfigFile>& config,
                                const std::string& cluster) {
    RoutesSettings settings;
    settings.cluster = cluster;
    if (cluster.empty()) {
        settings.rules.read_write = {"PostgresReadWrite-backend"};
        settings.rules.read_only = {"PostgresReadOnly-backend"};
    }
    std::size_t line = 0;
    if (config) {
        SectionReader reader{*config, settings};
        for (const ConfigEntry& entry : config->entries)
            if (cluster_of(*config, entry) == "" && (cluster.empty() || !names_proxies(entry)))
                reader.apply(entry);
        for (const ConfigEntry& entry : config->entries)
            if (!cluster.empty() && cluster_of(*config, entry) == cluster) {
                reader.apply(entry);
                line = entry.section_line;
            }
    }
    if (!cluster.empty() && line == 0)
        throw configuration_error(
            fmt::format("the configuration has no section [{} {}]", own_section, cluster));
    if (!cluster.empty() && settings.rules.read_write.empty())
        throw at_line(*config, line,
                      fmt::format("[{} {}] names no read-write backend", own_section, cluster));
    return settings;
}

} // namespace checkpg
