#include "routes/options.hpp"

#include "base/error.hpp"
#include "base/units.hpp"
#include "routes/sections.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace checkpg {

namespace {

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
    std::string cluster;
    std::vector<std::string> warning;
    std::vector<std::string> critical;
    CLI::Option* config_option = nullptr;
    CLI::Option* timeout_option = nullptr;
    CLI::Option* watch_option = nullptr;
    CLI::Option* ask_option = nullptr;
    CLI::Option* history_option = nullptr;
    CLI::Option* since_option = nullptr;
    CLI::Option* cluster_option = nullptr;
};

void add_options(CLI::App& app, RoutesCommandLine& line, RawOptions& raw) {
    app.set_help_flag();
    app.add_flag("-?,--help", line.help)->disable_flag_override();
    app.add_flag("-V,--version", line.version)->disable_flag_override();
    app.add_flag("--json", line.json)->disable_flag_override();
    app.add_flag("--ping", line.ping)->disable_flag_override();
    app.add_flag("--serving", line.serving)->disable_flag_override();
    app.add_flag("--prometheus", line.prometheus)->disable_flag_override();
    app.add_flag("-q,--quiet", line.quiet)->disable_flag_override();
    app.add_flag("-v,--verbose", line.verbose)->disable_flag_override();
    app.add_flag("--table", line.table)->disable_flag_override();
    app.add_flag("--all", line.all)->disable_flag_override();
    app.add_option("-w,--warning", raw.warning)->allow_extra_args(false);
    app.add_option("-c,--critical", raw.critical)->allow_extra_args(false);
    raw.cluster_option = app.add_option("--cluster", raw.cluster)->take_last();
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

void take_in(const std::vector<std::string>& given, Thresholds& thresholds) {
    for (const std::string& text : given)
        if (!thresholds.add(text))
            throw bad_usage(fmt::format("'{}' is no range such as standbys=2: or queued=10, of {}",
                                        text, fmt::join(measure_names, ", ")));
}

void convert(const RawOptions& raw, RoutesCommandLine& line) {
    take_in(raw.warning, line.warning);
    take_in(raw.critical, line.critical);
    if (raw.cluster_option->count() > 0)
        line.cluster = raw.cluster;
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

void refuse_beside_all(const RoutesCommandLine& line) {
    const std::array<std::pair<bool, const char*>, 9> others{
        {{line.cluster.has_value(), "--cluster"},
         {line.ask.has_value(), "--ask"},
         {line.watch.has_value(), "--watch"},
         {line.ping, "--ping"},
         {line.serving, "--serving"},
         {line.table, "--table"},
         {line.verbose, "--verbose"},
         {!line.read_write.empty(), "--read-write"},
         {!line.read_only.empty(), "--read-only"}}};
    for (const auto& [given, name] : others)
        if (line.all && given)
            throw bad_usage(fmt::format("--all and {} exclude each other", name));
}

/// They would be compared with nothing.
void refuse_unasked_measures(const RoutesCommandLine& line) {
    for (const Measure measure : replay_measures)
        if ((line.warning.of(measure) || line.critical.of(measure)) && line.ask != "")
            throw bad_usage(
                fmt::format("a range for {} needs --ask, of all servers", name_of(measure)));
}

/// Their answer is the exit status.
void refuse_beside_short_questions(const RoutesCommandLine& line) {
    const std::array<std::pair<bool, const char*>, 4> others{
        {{line.ping && line.serving, "--serving"},
         {line.json, "--json"},
         {line.watch.has_value(), "--watch"},
         {line.ask.has_value(), "--ask"}}};
    for (const auto& [given, name] : others)
        if ((line.ping || line.serving) && given)
            throw bad_usage(fmt::format("{} and {} exclude each other",
                                        line.ping ? "--ping" : "--serving", name));
}

void refuse_contradictions(const RoutesCommandLine& line) {
    refuse_beside_all(line);
    refuse_unasked_measures(line);
    refuse_beside_short_questions(line);
    if (line.prometheus && (line.json || line.watch || line.ping || line.serving || line.quiet ||
                            line.verbose || line.history || line.ask || line.table || line.all))
        throw bad_usage("--prometheus stands alone, beside options that say where to look");
    if (line.quiet && (line.verbose || line.json))
        throw bad_usage(
            fmt::format("--quiet and {} exclude each other", line.json ? "--json" : "--verbose"));
    if (line.table && (line.quiet || line.json || line.ask))
        throw bad_usage(fmt::format("--table and {} exclude each other", line.ask    ? "--ask"
                                                                         : line.json ? "--json"
                                                                                     : "--quiet"));
    const char* const without_history = line.ping      ? "--ping"
                                        : line.serving ? "--serving"
                                        : line.ask     ? "--ask"
                                        : line.watch   ? "--watch"
                                        : line.quiet   ? "--quiet"
                                        : line.table   ? "--table"
                                        : line.all     ? "--all"
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

/// `--read-only ''` says that there is none.
void apply_names(const std::vector<std::string>& given, std::vector<std::string>& names) {
    if (given.empty())
        return;
    names = given;
    names.erase(std::remove(names.begin(), names.end(), ""), names.end());
}

void apply(const RoutesCommandLine& line, RoutesSettings& settings) {
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
    settings.rules.warning = line.warning;
    settings.rules.critical = line.critical;
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

std::vector<RoutesSettings> routes_settings(const RoutesCommandLine& line,
                                            const std::optional<ConfigFile>& config) {
    const auto clusters = config ? cluster_names(*config) : std::vector<std::string>{};
    std::vector<RoutesSettings> all;
    if (!line.all) {
        all.push_back(section_settings(config, line.cluster.value_or("")));
    } else {
        for (const std::string& cluster : clusters)
            all.push_back(section_settings(config, cluster));
        if (all.empty())
            throw configuration_error(
                "--all: the configuration has no section [checkpgroutes NAME]");
    }
    for (RoutesSettings& settings : all)
        apply(line, settings);
    return all;
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
  --config FILE                read FILE instead of $CHECKPG_CONFIG or
                               /etc/checkpg/checkpg.conf
  --cluster NAME               the cluster of the section [checkpgroutes NAME] there
  --all                        every such cluster, a line each, worst first

What to show:
  --ask [SERVER]               ask PostgreSQL on every server, too, or all about this one
  --watch [SECONDS]            look again every second, or as often as told
  --table                      a line for each frontend, server and backend
  --history [FILE]             who was up and down when and why: from HAProxy's ring, or from a
                               log of HAProxy's; - reads standard input
  --since TIME                 the history from then on: 03:12, 2026-03-01T03:12, or 2h (ago)
  --json                       one JSON object
  --prometheus                 metrics, for node_exporter's textfile collector
  --ping                       only whether HAProxy answers on its socket
  --serving                    only whether any server gets traffic, as primary or standby
  -q, --quiet                  only the first line, for a monitoring system
  -v, --verbose                HAProxy's own words and server addresses too

What to complain of, besides what is wrong anyway (may be repeated):
  -w, --warning WHAT=RANGE     WHAT: standbys, sessions_read_write, sessions_read_only, queued;
  -c, --critical WHAT=RANGE    with --ask also replay_lag (bytes), replay_delay (seconds)
                               RANGE: 10, 10:, ~:10, 10:20 or @10:20, as plugins have them

  -V, --version                show the version, then exit
  -?, --help                   show this help, then exit

Exit status: 0 ok, 1 warning, 2 critical, 3 unknown; see checkpgroutes(1).
)";
}

} // namespace checkpg
