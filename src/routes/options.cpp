#include "routes/options.hpp"

#include "base/error.hpp"
#include "base/units.hpp"
#include "base/words.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace checkpg {

namespace {

constexpr std::string_view own_section = "checkpgroutes";
constexpr milliseconds shortest_interval{100};
constexpr milliseconds longest_interval{3'600'000};

Error bad_usage(std::string_view what) {
    return usage_error(fmt::format("{}; see checkpgroutes --help", what));
}

std::optional<milliseconds> allowed_interval(std::optional<milliseconds> interval) {
    return interval && shortest_interval <= *interval && *interval <= longest_interval
               ? interval
               : std::nullopt;
}

/// The options as CLI11 fills them in.
struct RawOptions {
    std::string config;
    std::string timeout;
    std::string watch;
    std::string ask;
    std::string history;
    std::string since;
    CLI::Option* config_option = nullptr;
    CLI::Option* timeout_option = nullptr;
    CLI::Option* watch_option = nullptr;
    CLI::Option* ask_option = nullptr;
    CLI::Option* history_option = nullptr;
    CLI::Option* since_option = nullptr;
};

void add_options(CLI::App& app, RoutesCommandLine& line, RawOptions& raw) {
    app.set_help_flag();
    app.add_flag("-?,--help", line.help)->disable_flag_override();
    app.add_flag("-V,--version", line.version)->disable_flag_override();
    app.add_flag("--json", line.json)->disable_flag_override();
    app.add_flag("--ping", line.ping)->disable_flag_override();
    app.add_flag("--prometheus", line.prometheus)->disable_flag_override();
    app.add_flag("-q,--quiet", line.quiet)->disable_flag_override();
    app.add_flag("-v,--verbose", line.verbose)->disable_flag_override();
    app.add_option("--socket", line.sockets)->allow_extra_args(false);
    app.add_option("--read-write", line.read_write)->allow_extra_args(false);
    app.add_option("--read-only", line.read_only)->allow_extra_args(false);
    raw.config_option = app.add_option("--config", raw.config)->take_last();
    raw.timeout_option = app.add_option("-t,--timeout", raw.timeout)->take_last();
    raw.watch_option = app.add_option("--watch", raw.watch)->expected(0, 1)->take_last();
    raw.ask_option = app.add_option("--ask", raw.ask)->expected(0, 1)->take_last();
    raw.history_option = app.add_option("--history", raw.history)->expected(0, 1)->take_last();
    raw.since_option = app.add_option("--since", raw.since)->take_last();
    app.allow_extras();
}

void parse(CLI::App& app, const std::vector<std::string>& arguments) {
    try {
        app.parse(std::vector<std::string>{arguments.rbegin(), arguments.rend()}); // last one first
    } catch (const CLI::ArgumentMismatch& error) {
        const std::string text = error.what();
        throw bad_usage(fmt::format("{} needs a value", text.substr(0, text.find(':'))));
    } catch (const CLI::ParseError& error) {
        throw bad_usage(error.what());
    }
    const auto unknown = app.remaining();
    if (!unknown.empty())
        throw bad_usage(fmt::format("unknown {} '{}'",
                                    unknown.front().starts_with('-') ? "option" : "argument",
                                    unknown.front()));
}

void convert(const RawOptions& raw, RoutesCommandLine& line) {
    if (raw.config_option->count() > 0)
        line.config = raw.config;
    if (raw.timeout_option->count() > 0) {
        line.timeout = allowed_timeout(parse_seconds(raw.timeout));
        if (!line.timeout)
            throw bad_usage(fmt::format("'{}' is no timeout from 1ms to 60s", raw.timeout));
    }
    if (raw.ask_option->count() > 0)
        line.ask = raw.ask;
    if (raw.watch_option->count() > 0) {
        line.watch = allowed_interval(parse_seconds(raw.watch.empty() ? "1" : raw.watch));
        if (!line.watch)
            throw bad_usage(fmt::format("'{}' is no interval from 100ms to 1h", raw.watch));
    }
    line.history = raw.history_option->count() > 0;
    if (line.history && !raw.history.empty())
        line.log = raw.history;
    if (raw.since_option->count() > 0) {
        const auto now = std::chrono::system_clock::now();
        line.since = parse_since(raw.since, std::chrono::floor<milliseconds>(now));
        if (!line.since)
            throw bad_usage(
                fmt::format("'{}' is no time such as 03:12, 2026-03-01T03:12 or 2h", raw.since));
    }
}

void refuse_contradictions(const RoutesCommandLine& line) {
    if (line.ping && (line.json || line.watch))
        throw bad_usage(
            fmt::format("--ping and {} exclude each other", line.json ? "--json" : "--watch"));
    if (line.ping && line.ask)
        throw bad_usage("--ping and --ask exclude each other");
    if (line.prometheus && (line.json || line.watch || line.ping || line.quiet || line.verbose ||
                            line.history || line.ask))
        throw bad_usage("--prometheus stands alone, beside options that say where to look");
    if (line.quiet && (line.verbose || line.json))
        throw bad_usage(
            fmt::format("--quiet and {} exclude each other", line.json ? "--json" : "--verbose"));
    const char* const without_history = line.ping    ? "--ping"
                                        : line.ask   ? "--ask"
                                        : line.watch ? "--watch"
                                        : line.quiet ? "--quiet"
                                                     : nullptr;
    if (line.history && without_history != nullptr)
        throw bad_usage(fmt::format("--history and {} exclude each other", without_history));
    if (line.since && !line.history)
        throw bad_usage("--since needs --history");
}

StatsSocket socket_in(const std::string& text) {
    if (auto socket = parse_stats_socket(text))
        return *std::move(socket);
    throw bad_usage(fmt::format("'{}' is no socket: give a path, or a numeric address and a port "
                                "such as 127.0.0.1:9999",
                                text));
}

class SectionReader {
public:
    SectionReader(const ConfigFile& config, RoutesSettings& settings)
        : config_{config}, settings_{settings} {}

    void apply() {
        for (const ConfigEntry& entry : config_.entries)
            if (entry.section == own_section)
                apply(entry);
    }

private:
    [[noreturn]] void fail(const ConfigEntry& entry, std::string_view what) const {
        throw configuration_error(
            fmt::format("{}:{}: {}", config_.path.native(), entry.line, what));
    }

    void apply(const ConfigEntry& entry) {
        if (entry.key == "socket")
            sockets(entry);
        else if (entry.key == "read-write")
            settings_.rules.read_write = words_in(entry.value);
        else if (entry.key == "read-only")
            settings_.rules.read_only = words_in(entry.value);
        else if (entry.key == "timeout")
            timeout(entry);
        else if (entry.key == "session-warning")
            session_warning(entry);
        else
            fail(entry, fmt::format("unknown key '{}' in section [{}]", entry.key, own_section));
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

/// `--read-only ''` says that there is none.
void apply_names(const std::vector<std::string>& given, std::vector<std::string>& names) {
    if (given.empty())
        return;
    names = given;
    names.erase(std::remove(names.begin(), names.end(), ""), names.end());
}

} // namespace

RoutesCommandLine parse_routes_command_line(const std::vector<std::string>& arguments) {
    RoutesCommandLine line;
    RawOptions raw;
    CLI::App app;
    add_options(app, line, raw);
    parse(app, arguments);
    if (line.help || line.version)
        return line;
    convert(raw, line);
    refuse_contradictions(line);
    return line;
}

RoutesSettings routes_settings(const RoutesCommandLine& line,
                               const std::optional<ConfigFile>& config) {
    RoutesSettings settings;
    settings.rules.read_write = {"PostgresReadWrite-backend"};
    settings.rules.read_only = {"PostgresReadOnly-backend"};
    if (config)
        SectionReader{*config, settings}.apply();
    if (!line.sockets.empty()) {
        settings.sockets.clear();
        for (const std::string& text : line.sockets)
            settings.sockets.push_back(socket_in(text));
    }
    apply_names(line.read_write, settings.rules.read_write);
    apply_names(line.read_only, settings.rules.read_only);
    if (settings.rules.read_write.empty())
        throw configuration_error("no read-write backend is named: name one with 'read-write'");
    settings.timeout = line.timeout.value_or(settings.timeout);
    return settings;
}

std::string routes_help() {
    return R"(checkpgroutes shows what HAProxy routes where right now, and why.

Usage:
  checkpgroutes [OPTION]...

Where to look:
  --socket PATH|ADDRESS:PORT   HAProxy's stats socket (default: /var/lib/haproxy/stats, else
                               /run/haproxy/admin.sock); repeat it for several processes
  --read-write BACKEND         a backend of the primary (default: PostgresReadWrite-backend)
  --read-only BACKEND          a backend of the standbys (default: PostgresReadOnly-backend)
  -t, --timeout SECONDS        give up after this long (default: 1.5; units allowed: 800ms)
  --config FILE                read FILE's section [checkpgroutes] instead of that of
                               $CHECKPG_CONFIG or /etc/checkpg/checkpg.conf

What to show:
  --ask [SERVER]               ask PostgreSQL on every server, too, or all about this one
  --watch [SECONDS]            look again every second, or as often as told
  --history [FILE]             who was up and down when and why: from HAProxy's ring, or from a
                               log of HAProxy's; - reads standard input
  --since TIME                 the history from then on: 03:12, 2026-03-01T03:12, or 2h (ago)
  --json                       one JSON object
  --prometheus                 metrics, for node_exporter's textfile collector
  --ping                       only whether HAProxy answers on its socket
  -q, --quiet                  only the last line, for a monitoring system
  -v, --verbose                HAProxy's own words and server addresses too

  -V, --version                show the version, then exit
  -?, --help                   show this help, then exit

Exit status: 0 ok, 1 warning, 2 critical, 3 unknown; see checkpgroutes(1).
)";
}

} // namespace checkpg
