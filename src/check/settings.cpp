#include "check/settings.hpp"

#include "base/error.hpp"
#include "base/file_identity.hpp"
#include "base/printable.hpp"
#include "base/units.hpp"
#include "base/words.hpp"
#include "check/libpq_keywords.hpp"
#include "check/named_files.hpp"
#include "check/password_file.hpp"
#include "check/target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace checkpg {

namespace {

constexpr std::string_view built_in = "built in";

/// checkpg's own keys; all others are libpq's.
constexpr std::array<std::string_view, 11> own_keys{"timeout",
                                                    "peers",
                                                    "peer-timeout",
                                                    "haproxy-socket",
                                                    "split-brain",
                                                    "require-writable",
                                                    "require-streaming",
                                                    "max-replay-lag",
                                                    "max-replay-delay",
                                                    "keep",
                                                    "log"};

bool is_own_key(std::string_view key) noexcept {
    return std::find(own_keys.begin(), own_keys.end(), key) != own_keys.end();
}

/// libpq keywords that would change which server is asked or what its answer means.
bool is_misleading(std::string_view key) noexcept {
    return key == "service" || key == "servicefile" || key == "replication" ||
           key == "target_session_attrs" || key == "fallback_application_name";
}

/// Refuses misleading keywords and values that can't name one server.
void refuse_bad_keyword(const Setting& setting) {
    if (is_misleading(setting.key))
        throw bad_setting(setting, "has no place in a check: remove it");
    const bool is_target = setting.key == "host" || setting.key == "hostaddr";
    if (is_target && setting.value.find(',') != std::string::npos)
        throw bad_setting(setting, "names several servers: a check asks exactly one");
    if (setting.key == "hostaddr" && !setting.value.empty() && !is_ip_address(setting.value))
        throw bad_setting(setting, fmt::format("'{}' is not an IP address", setting.value));
    if (setting.key == "port" && !setting.value.empty() && !parse_port(setting.value))
        throw bad_setting(setting, fmt::format("'{}' is not a port: give a number from 1 to 65535",
                                               setting.value));
}

/// The file is for all servers: what HAProxy says of a server's place must stand. Its port may be
/// another's, of a proxy or a pooler, and its name is only what certificates are verified for.
void refuse_another_server(const Setting& setting, const std::vector<Setting>& target) {
    if (setting.key == "hostaddr")
        throw bad_setting(setting, "would send the checks of all servers to one: HAProxy says each "
                                   "server's address");
    if (setting.key != "host")
        return;
    if (is_socket_directory(setting.value))
        throw bad_setting(setting, "would send the checks of all servers to one: give the socket "
                                   "to HAProxy, as the server's address");
    if (value_of(target, "hostaddr").empty())
        throw bad_setting(setting, fmt::format("would take the place of {}, the server that "
                                               "HAProxy asks about",
                                               value_of(target, "host")));
}

/// Collects settings from weak to strong; of each key the last one counts.
class Layers {
public:
    explicit Layers(const std::vector<LibpqKeyword>& keywords) : keywords_{keywords} {}

    void add(Setting setting) {
        for (Setting& known : settings_)
            if (known.key == setting.key) {
                known = std::move(setting);
                return;
            }
        settings_.push_back(std::move(setting));
    }

    void add_built_in(std::string_view key, std::string_view value) {
        add({std::string{key}, std::string{value}, std::string{built_in}});
    }

    void add_environment(const EnvironmentLookup& environment, Invocation::Form form) {
        for (const LibpqKeyword& keyword : keywords_) {
            const bool names_target = keyword.keyword == "host" || keyword.keyword == "hostaddr" ||
                                      keyword.keyword == "port";
            if (keyword.variable.empty() || is_misleading(keyword.keyword) ||
                (names_target && form == Invocation::Form::haproxy))
                continue;
            const char* const value = environment(keyword.variable.c_str());
            if (value != nullptr && *value != '\0')
                add_checked({keyword.keyword, value, "environment variable " + keyword.variable});
        }
    }

    void add_section(const ConfigFile& file, std::string_view section,
                     const Invocation& invocation) {
        for (const ConfigEntry& entry : file.entries) {
            if (entry.section != section)
                continue;
            Setting setting{entry.key, entry.value,
                            fmt::format("{}:{}", file.path.native(), entry.line)};
            refuse_unknown_key(setting);
            refuse_exposed_secret(setting, file);
            if (invocation.form == Invocation::Form::haproxy)
                refuse_another_server(setting, invocation.target);
            add_checked(std::move(setting));
        }
    }

    void add_all(const std::vector<Setting>& settings) {
        for (const Setting& setting : settings)
            add_checked(setting);
    }

    const std::vector<Setting>& settings() const noexcept { return settings_; }

    bool is_secret(std::string_view key) const noexcept {
        const LibpqKeyword* const keyword = find_keyword(keywords_, key);
        return keyword != nullptr && keyword->secret;
    }

private:
    void add_checked(Setting setting) {
        refuse_bad_keyword(setting);
        add(std::move(setting));
    }

    void refuse_unknown_key(const Setting& setting) const {
        if (!is_own_key(setting.key) && find_keyword(keywords_, setting.key) == nullptr)
            throw configuration_error(
                fmt::format("{}: unknown key '{}': neither checkpg nor libpq has it",
                            setting.origin, setting.key));
    }

    void refuse_exposed_secret(const Setting& setting, const ConfigFile& file) const {
        if (file.read_by_others && is_secret(setting.key))
            throw bad_setting(setting, "stands in a file that anybody may read: take the "
                                       "permission from others (chmod o-r), or use a passfile");
    }

    const std::vector<LibpqKeyword>& keywords_;
    std::vector<Setting> settings_;
};

/// The value of an own key through `parse`, or `otherwise` if it isn't set.
template <typename Value, typename Parse>
Value own_value(const Layers& layers, std::string_view key, Value otherwise, Parse parse) {
    for (const Setting& setting : layers.settings())
        if (setting.key == key)
            return parse(setting);
    return otherwise;
}

milliseconds bounded_duration(const Setting& setting) {
    const auto duration = allowed_timeout(parse_duration(setting.value));
    if (!duration)
        throw bad_setting(setting, fmt::format("'{}' is not a time from {} to {}, such as 800ms",
                                               setting.value, format_duration(shortest_timeout),
                                               format_duration(longest_timeout)));
    return *duration;
}

milliseconds keep_time(const Setting& setting) {
    constexpr milliseconds shortest{1'000};
    constexpr milliseconds longest{3'600'000};
    const auto duration = parse_duration(setting.value);
    if (!duration ||
        (*duration != milliseconds::zero() && (*duration < shortest || *duration > longest)))
        throw bad_setting(setting, fmt::format("'{}' is neither 0 nor a time from {} to {}, such "
                                               "as 60s",
                                               setting.value, format_duration(shortest),
                                               format_duration(longest)));
    return *duration;
}

bool boolean(const Setting& setting) {
    const auto value = parse_boolean(setting.value);
    if (!value)
        throw bad_setting(setting, fmt::format("'{}' is neither on nor off", setting.value));
    return *value;
}

SplitBrain split_brain(const Setting& setting) {
    if (setting.value == "refuse")
        return SplitBrain::refuse;
    if (setting.value == "newest-timeline")
        return SplitBrain::newest_timeline;
    throw bad_setting(setting,
                      fmt::format("'{}' is neither refuse nor newest-timeline", setting.value));
}

Streaming streaming(const Setting& setting) {
    if (setting.value == "with-primary")
        return Streaming::with_primary;
    const auto value = parse_boolean(setting.value);
    if (!value)
        throw bad_setting(setting,
                          fmt::format("'{}' is neither on, off nor with-primary", setting.value));
    return *value ? Streaming::required : Streaming::any;
}

std::optional<std::uint64_t> size(const Setting& setting) {
    const auto bytes = parse_size(setting.value);
    if (!bytes)
        throw bad_setting(setting, fmt::format("'{}' is not a size, such as 16MB", setting.value));
    return bytes;
}

std::optional<milliseconds> duration(const Setting& setting) {
    const auto time = parse_duration(setting.value);
    if (!time)
        throw bad_setting(setting, fmt::format("'{}' is not a time, such as 10s", setting.value));
    return time;
}

std::optional<StatsSocket> stats_socket(const Setting& setting) {
    auto socket = parse_stats_socket(setting.value);
    if (!socket && !setting.value.empty())
        throw bad_setting(setting, fmt::format("'{}' is no socket: give a path, or a numeric "
                                               "address and a port such as 127.0.0.1:9999",
                                               setting.value));
    return socket;
}

bool log_to_syslog(const Setting& setting) {
    if (setting.value == "syslog")
        return true;
    if (parse_boolean(setting.value) != false)
        throw bad_setting(setting, fmt::format("'{}' is neither syslog nor off", setting.value));
    return false;
}

/// What the file itself says, for all servers alike.
std::string port_in(const std::optional<ConfigFile>& file, std::string_view backend) {
    std::string port;
    if (file)
        for (const ConfigEntry& entry : file->entries)
            if (entry.key == "port" && (entry.section.empty() || entry.section == backend))
                port = entry.value;
    return port;
}

/// The word `haproxy` among the peers stands for the servers that HAProxy has.
std::vector<Peer> listed_peers(Setting setting, bool& haproxy) {
    auto words = words_in(setting.value);
    haproxy = std::erase(words, "haproxy") > 0;
    setting.value = fmt::format("{}", fmt::join(words, " "));
    return parse_peers(setting);
}

void set_peers(Settings& settings, const Layers& layers, const Invocation& invocation,
               const std::optional<ConfigFile>& file) {
    bool haproxy = false;
    settings.peers = own_value(layers, "peers", settings.peers, [&haproxy](const Setting& setting) {
        return listed_peers(setting, haproxy);
    });
    settings.haproxy_socket =
        own_value(layers, "haproxy-socket", settings.haproxy_socket, stats_socket);
    if (haproxy)
        settings.haproxy_peers = HaproxyPeers{invocation.backend, port_in(file, invocation.backend),
                                              std::string{value_of(invocation.target, "hostaddr")}};
}

Demands demands(const Layers& layers) {
    Demands demands;
    demands.split_brain = own_value(layers, "split-brain", demands.split_brain, split_brain);
    demands.require_writable = own_value(layers, "require-writable", false, boolean);
    demands.streaming = own_value(layers, "require-streaming", demands.streaming, streaming);
    demands.max_replay_lag = own_value(layers, "max-replay-lag", demands.max_replay_lag, size);
    demands.max_replay_delay =
        own_value(layers, "max-replay-delay", demands.max_replay_delay, duration);
    return demands;
}

/// A silent peer, which is the normal case after a failover, must leave time for a verdict.
void refuse_long_peer_timeout(const Settings& settings) {
    if (settings.has_peers() && settings.peer_timeout >= settings.timeout)
        throw configuration_error(fmt::format("peer-timeout ({}) must be less than timeout ({})",
                                              format_duration(settings.peer_timeout),
                                              format_duration(settings.timeout)));
}

/// A socket directory needs no address; an address said as host is one (so nothing is looked up).
void settle_target(Layers& layers) {
    const std::string host{value_of(layers.settings(), "host")};
    const std::string address{value_of(layers.settings(), "hostaddr")};
    if (host.empty() && address.empty())
        throw usage_error("no server is named: give HOST, or --help to see how");
    if (value_of(layers.settings(), "port").empty())
        layers.add_built_in("port", "5432");
    if (host.empty())
        return;
    if (is_socket_directory(host))
        layers.add_built_in("hostaddr", "");
    else if (address.empty() && is_ip_address(host))
        layers.add_built_in("hostaddr", host);
}

/// Without these libpq would ask the operating system who is running it.
void refuse_empty_identity(const Layers& layers) {
    for (const Setting& setting : layers.settings())
        if ((setting.key == "user" || setting.key == "dbname") && setting.value.empty())
            throw bad_setting(setting, "is empty: name one, or leave the key out");
}

/// A password of our own makes libpq leave the file alone. The one built in may be missing.
void refuse_ignored_password_file(const Layers& layers) {
    const Setting* const setting = find_setting(layers.settings(), "passfile");
    if (setting == nullptr || find_setting(layers.settings(), "password") != nullptr)
        return;
    if (const auto why = why_ignored(setting->value, setting->origin == built_in))
        throw bad_setting(*setting, *why);
}

milliseconds keep(const Layers& layers) {
    return own_value(layers, "keep", milliseconds::zero(), keep_time);
}

/// Both programs may use one connection, so they have one name for it.
void share_application_name(Layers& layers) {
    const Setting* const name = find_setting(layers.settings(), "application_name");
    if (name != nullptr && name->origin == built_in && keep(layers) != milliseconds::zero())
        layers.add_built_in("application_name", "checkpg");
}

Layers collect(std::string_view program, const Invocation& invocation,
               const std::optional<ConfigFile>& file, const EnvironmentLookup& environment,
               const std::vector<LibpqKeyword>& keywords) {
    Layers layers{keywords};
    layers.add_built_in("user", "checkpg");
    layers.add_built_in("dbname", "postgres");
    layers.add_built_in("application_name", program);
    layers.add_built_in("gssencmode", "disable");
    layers.add_built_in("passfile", "/etc/checkpg/pgpass");
    layers.add_environment(environment, invocation.form);
    layers.add_all(invocation.target);
    if (file) {
        layers.add_section(*file, "", invocation);
        if (!invocation.backend.empty())
            layers.add_section(*file, invocation.backend, invocation);
    }
    layers.add_all(invocation.options);
    settle_target(layers);
    share_application_name(layers);
    refuse_empty_identity(layers);
    refuse_ignored_password_file(layers);
    refuse_idle_settings(layers.settings());
    return layers;
}

bool is_of_file(const Setting& setting, std::string_view file) noexcept {
    return !file.empty() && setting.origin.starts_with(fmt::format("{}:", file));
}

} // namespace

Error bad_setting(const Setting& setting, std::string_view what) {
    return configuration_error(fmt::format("{}: {} {}", setting.origin, setting.key, what));
}

const Setting* find_setting(const std::vector<Setting>& settings, std::string_view key) noexcept {
    for (const Setting& setting : settings)
        if (setting.key == key)
            return setting.value.empty() ? nullptr : &setting;
    return nullptr;
}

std::string_view value_of(const std::vector<Setting>& settings, std::string_view key) noexcept {
    const Setting* const setting = find_setting(settings, key);
    return setting == nullptr ? std::string_view{} : setting->value;
}

void set_value(std::vector<Setting>& settings, std::string_view key, std::string_view value) {
    for (Setting& setting : settings)
        if (setting.key == key) {
            setting.value = value;
            return;
        }
    settings.push_back({std::string{key}, std::string{value}, std::string{built_in}});
}

Settings make_settings(std::string_view program, const Invocation& invocation,
                       const std::optional<ConfigFile>& file,
                       const EnvironmentLookup& environment) {
    const auto keywords = libpq_keywords();
    const Layers layers = collect(program, invocation, file, environment, keywords);
    Settings settings;
    settings.section_found = file && std::any_of(file->entries.begin(), file->entries.end(),
                                                 [&invocation](const ConfigEntry& entry) {
                                                     return !entry.section.empty() &&
                                                            entry.section == invocation.backend;
                                                 });
    settings.timeout = own_value(layers, "timeout", settings.timeout, bounded_duration);
    settings.peer_timeout =
        own_value(layers, "peer-timeout", settings.peer_timeout, bounded_duration);
    set_peers(settings, layers, invocation, file);
    settings.demands = demands(layers);
    settings.log = own_value(layers, "log", settings.log, log_to_syslog);
    settings.keep = keep(layers);
    if (file && settings.keep != milliseconds::zero()) {
        settings.file = file->path.native();
        settings.file_identity = file_identity(file->status);
    }
    settings.by_hand = invocation.form == Invocation::Form::manual;
    refuse_long_peer_timeout(settings);
    settings.file_bytes = size_of_named_files(layers.settings());
    for (const Setting& setting : layers.settings()) {
        if (!is_own_key(setting.key))
            settings.connection.push_back(setting);
        settings.explained.push_back(setting);
        if (layers.is_secret(setting.key)) {
            settings.explained.back().value = mask;
            settings.secrets.push_back(setting.key);
            settings.has_secret_outside_file |= !is_of_file(setting, settings.file);
        }
    }
    return settings;
}

} // namespace checkpg
