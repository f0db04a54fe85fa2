#include "base/config_file.hpp"
#include "base/error.hpp"
#include "routes/options.hpp"

#include <catch2/catch_test_macros.hpp>

#include <string>

using namespace checkpg;
using namespace std::chrono_literals;

namespace {

using Arguments = std::vector<std::string>;

std::vector<RoutesSettings> all_settings_of(const Arguments& arguments, const char* config) {
    return routes_settings(parse_routes_command_line(arguments),
                           ConfigFile{"c.conf", parse_config(config, "c.conf"), false});
}

RoutesSettings settings_of(const Arguments& arguments, const char* config = "") {
    const auto all = all_settings_of(arguments, config);
    CHECK(all.size() == 1);
    return all.front();
}

std::string refusal(const Arguments& arguments, const char* config = "") {
    try {
        all_settings_of(arguments, config);
    } catch (const Error& error) {
        return error.what();
    }
    return "accepted";
}

std::string usage(const std::string& what) { return what + "; see checkpgroutes --help"; }

} // namespace

TEST_CASE("without options and configuration the defaults hold") {
    const RoutesCommandLine line = parse_routes_command_line({});
    CHECK_FALSE((line.help || line.version || line.json || line.ping || line.serving ||
                 line.quiet || line.verbose));
    CHECK_FALSE(line.watch);
    const RoutesSettings settings = routes_settings(line, std::nullopt).front();
    CHECK(settings.sockets.empty());
    CHECK(settings.rules.read_write == Arguments{"PostgresReadWrite-backend"});
    CHECK(settings.rules.read_only == Arguments{"PostgresReadOnly-backend"});
    CHECK(settings.rules.session_warning_percent == 90);
    CHECK(settings.timeout == 1500ms);
}

TEST_CASE("the section [checkpgroutes] is read, the others are the checks'") {
    const auto settings = settings_of({}, "user = x\nnonsense = 1\n[checkpgroutes]\n"
                                          "socket = /a/b 127.0.0.1:9999\nread-write = w1, w2\n"
                                          "read-only =\ntimeout = 800\nsession-warning = 75%\n"
                                          "[PostgresReadWrite-backend]\ntimeout = 1s\n");
    REQUIRE(settings.sockets.size() == 2);
    CHECK(settings.sockets[0].name == "/a/b");
    CHECK(settings.sockets[1].name == "127.0.0.1:9999");
    CHECK(settings.rules.read_write == Arguments{"w1", "w2"});
    CHECK(settings.rules.read_only.empty());
    CHECK(settings.timeout == 800ms);
    CHECK(settings.rules.session_warning_percent == 75);
}

TEST_CASE("the command line overrides the file") {
    const auto settings =
        settings_of({"--socket", "/c", "--socket", "/d", "--read-write", "x", "--read-only", "y",
                     "--read-only", "z", "-t", "2"},
                    "[checkpgroutes]\nsocket = /a\nread-write = w\nread-only = r\ntimeout = 1ms");
    REQUIRE(settings.sockets.size() == 2);
    CHECK(settings.sockets[1].name == "/d");
    CHECK(settings.rules.read_write == Arguments{"x"});
    CHECK(settings.rules.read_only == Arguments{"y", "z"});
    CHECK(settings.timeout == 2s);
    CHECK(settings_of({"--read-only", ""}).rules.read_only.empty());
}

TEST_CASE("a bare number is seconds on the command line") {
    CHECK(parse_routes_command_line({"-t", "3"}).timeout == 3s);
    CHECK(parse_routes_command_line({"--timeout=0.5"}).timeout == 500ms);
    CHECK(parse_routes_command_line({"-t800ms"}).timeout == 800ms);
    CHECK(parse_routes_command_line({"-t", "1", "-t", "2"}).timeout == 2s);
}

TEST_CASE("option --watch takes an interval or none") {
    CHECK(parse_routes_command_line({"--watch"}).watch == 1s);
    CHECK(parse_routes_command_line({"--watch", "-v"}).watch == 1s);
    CHECK(parse_routes_command_line({"--watch", "5"}).watch == 5s);
    CHECK(parse_routes_command_line({"--watch=500ms", "--json"}).watch == 500ms);
}

TEST_CASE("option --ask takes a server or none") {
    CHECK_FALSE(parse_routes_command_line({"--json"}).ask);
    CHECK(parse_routes_command_line({"--ask"}).ask == "");
    CHECK(parse_routes_command_line({"--ask", "--json"}).ask == "");
    CHECK(parse_routes_command_line({"--ask", "db1"}).ask == "db1");
    CHECK(parse_routes_command_line({"--ask=db1", "--watch"}).ask == "db1");
}

TEST_CASE("flags have their usual letters") {
    CHECK(parse_routes_command_line({"-q"}).quiet);
    CHECK(parse_routes_command_line({"-v"}).verbose);
    CHECK(parse_routes_command_line({"-V"}).version);
    CHECK(parse_routes_command_line({"-?"}).help);
    CHECK(parse_routes_command_line({"--help", "-t", "x"}).help);
    CHECK(parse_routes_command_line({"--config", "/x"}).config == "/x");
}

TEST_CASE("mistakes on the command line are named") {
    CHECK(refusal({"--foo"}) == usage("unknown option '--foo'"));
    CHECK(refusal({"foo"}) == usage("unknown argument 'foo'"));
    CHECK(refusal({"-t"}) == usage("--timeout needs a value"));
    CHECK(refusal({"--socket"}) == usage("--socket needs a value"));
    CHECK(refusal({"-t", "0"}) == usage("'0' is no timeout from 1ms to 60s"));
    CHECK(refusal({"-t", "61"}) == usage("'61' is no timeout from 1ms to 60s"));
    CHECK(refusal({"-t", "soon"}) == usage("'soon' is no timeout from 1ms to 60s"));
    CHECK(refusal({"--watch=0"}) == usage("'0' is no interval from 100ms to 1h"));
    CHECK(refusal({"--ping", "--json"}) == usage("--ping and --json exclude each other"));
    CHECK(refusal({"--ping", "--ask"}) == usage("--ping and --ask exclude each other"));
    CHECK(refusal({"--ping", "--watch"}) == usage("--ping and --watch exclude each other"));
    for (const char* other : {"--json", "--ask", "--watch"})
        CHECK(refusal({"--serving", other}) ==
              usage(std::string{"--serving and "} + other + " exclude each other"));
    CHECK(refusal({"--ping", "--serving"}) == usage("--ping and --serving exclude each other"));
    CHECK(refusal({"--all", "--serving"}) == usage("--all and --serving exclude each other"));
    for (const char* other :
         {"--ping", "--serving", "--json", "--watch", "--quiet", "--verbose", "--table", "--ask"})
        CHECK(refusal({"--prometheus", other}) ==
              usage("--prometheus stands alone, beside options that say where to look"));
    CHECK(refusal({"-q", "-v"}) == usage("--quiet and --verbose exclude each other"));
    CHECK(refusal({"-q", "--json"}) == usage("--quiet and --json exclude each other"));
    CHECK(refusal({"--all", "--watch"}) == usage("--all and --watch exclude each other"));
    CHECK(refusal({"--all", "--cluster", "x"}) == usage("--all and --cluster exclude each other"));
    CHECK(refusal({"--table", "-q"}) == usage("--table and --quiet exclude each other"));
    CHECK(refusal({"--table", "--ask"}) == usage("--table and --ask exclude each other"));
    CHECK(refusal({"--all", "--ask"}) == usage("--all and --ask exclude each other"));
    CHECK(refusal({"--json=1"}) != "accepted");
    CHECK(refusal({"--socket", "router1:9999"}) ==
          usage("'router1:9999' is no socket: give a path, or a numeric address and a port such as "
                "127.0.0.1:9999"));
}

TEST_CASE("mistakes in the file are named with their line") {
    CHECK(refusal({}, "[checkpgroutes]\nsockets = /a\n") ==
          "c.conf:2: unknown key 'sockets' in section [checkpgroutes]");
    CHECK(refusal({}, "[checkpgroutes]\n\ntimeout = never\n") ==
          "c.conf:3: 'never' is no timeout from 1ms to 60s");
    CHECK(refusal({}, "[checkpgroutes]\nsession-warning = 101%\n") ==
          "c.conf:2: '101%' is no percentage from 1% to 100%");
    CHECK(refusal({}, "[checkpgroutes]\nsocket = here\n") ==
          "c.conf:2: 'here' is no socket: give a path, or a numeric address and a port such as "
          "127.0.0.1:9999");
    CHECK(refusal({}, "[checkpgroutes]\nread-write =\n") ==
          "no read-write backend is named: name one with 'read-write'");
}

TEST_CASE("a cluster has a section of its own") {
    const char* const file = "[checkpgroutes]\nsocket = /a\nread-only = ro\ntimeout = 800\n"
                             "[checkpgroutes orders]\nread-write = w1, w2\nsession-warning = 75%\n"
                             "frontends = f1 f2\n"
                             "[checkpgroutes  crm]\nsocket = /b\nread-write = w3\nread-only = r3\n";
    const auto orders = settings_of({"--cluster", "orders"}, file);
    CHECK(orders.cluster == "orders");
    CHECK(orders.sockets[0].name == "/a");
    CHECK(orders.timeout == 800ms);
    CHECK(orders.rules.read_write == Arguments{"w1", "w2"});
    CHECK(orders.rules.read_only.empty());
    CHECK(orders.rules.frontends == Arguments{"f1", "f2"});
    CHECK(orders.rules.session_warning_percent == 75);
    CHECK(settings_of({}, file).rules.read_only == Arguments{"ro"});
    const auto all = all_settings_of({"--all", "-t", "2"}, file);
    REQUIRE(all.size() == 2);
    CHECK(all[1].cluster == "crm");
    CHECK(all[1].sockets[0].name == "/b");
    CHECK(all[1].timeout == 2s);
}

TEST_CASE("mistakes about clusters are named with file and line") {
    CHECK(refusal({"--cluster", "crm"}, "[checkpgroutes orders]\nread-write = w\n") ==
          "the configuration has no section [checkpgroutes crm]");
    CHECK(refusal({"--all"}, "[checkpgroutes]\nread-write = w\n") ==
          "--all: the configuration has no section [checkpgroutes NAME]");
    CHECK(refusal({"--all"}, "\n[checkpgroutes orders]\nsocket = /a\n") ==
          "c.conf:2: [checkpgroutes orders] names no read-write backend");
    for (const std::string section :
         {"checkpgroutes-orders", "checkpgroutes a b", "checkpgroutes 'a'", "checkpgroutesorders"})
        CHECK(refusal({}, ("\n[" + section + "]\n\nsocket = /a\n").c_str())
                  .starts_with("c.conf:2: [" + section + "] is no section of checkpgroutes"));
    CHECK(refusal({}, "[checkpgroutes orders]\ncolour = blue\n") == "accepted");
    CHECK(refusal({"--cluster", "orders"}, "[checkpgroutes orders]\ncolour = blue\n") ==
          "c.conf:2: unknown key 'colour' in section [checkpgroutes orders]");
}

TEST_CASE("ranges are taken from the command line") {
    const auto line = parse_routes_command_line(
        {"-w", "standbys=2:", "--warning=queued=10", "-c", "standbys=1:", "-w", "queued=20"});
    CHECK(line.warning.of(Measure::standbys)->text == "2:");
    CHECK(line.warning.of(Measure::queued)->text == "20");
    CHECK(line.critical.of(Measure::standbys)->text == "1:");
    CHECK_FALSE(line.critical.of(Measure::queued));
    for (const char* bad : {"standbys", "standbys=", "lag=5", "queued=x", "queued=5:3"})
        CHECK(refusal({"-w", bad}).starts_with(std::string{"'"} + bad + "' is no range"));
}

TEST_CASE("a range that PostgreSQL must be asked for needs --ask, of all servers") {
    const std::string complaint = "a range for replay_lag needs --ask, of all servers";
    CHECK(refusal({"-w", "replay_lag=64000000"}).starts_with(complaint));
    CHECK(refusal({"-c", "replay_lag=64000000", "--ask", "db2"}).starts_with(complaint));
    CHECK(refusal({"-c", "replay_lag=64000000", "--all"}).starts_with(complaint));
    CHECK(refusal({"-w", "replay_delay=20", "--ask"}) == "accepted");
    CHECK(refusal({"-w", "replay_delay=20", "--watch", "--ask"}) == "accepted");
}

TEST_CASE("the help names every option and fits a screen") {
    const std::string help = routes_help();
    for (const char* option :
         {"--socket",   "--read-write", "--read-only", "--timeout",    "--config", "--ask",
          "--watch",    "--json",       "--ping",      "--prometheus", "--quiet",  "--verbose",
          "--version",  "--help",       "--table",     "--cluster",    "--all",    "--warning",
          "--critical", "--history",    "--since",     "--serving"})
        CHECK(help.find(option) != std::string::npos);
    CHECK(std::count(help.begin(), help.end(), '\n') <= 39);
}

TEST_CASE("the history is read from HAProxy's ring, a file, or standard input") {
    const auto ring = parse_routes_command_line({"--history"});
    CHECK(ring.history);
    CHECK_FALSE(ring.log);
    CHECK(parse_routes_command_line({"--history", "--json"}).json);
    CHECK(parse_routes_command_line({"--history", "/var/log/haproxy.log"}).log ==
          "/var/log/haproxy.log");
    CHECK(parse_routes_command_line({"--history", "-"}).log == "-");
    CHECK(parse_routes_command_line({"--history=-", "--since", "2h"}).since);
    CHECK_FALSE(parse_routes_command_line({}).history);
}

TEST_CASE("what --history does not go with") {
    for (const char* other :
         {"--ping", "--serving", "--watch", "--quiet", "--table", "--all", "--ask"})
        CHECK(refusal({"--history", other}) ==
              usage(std::string{"--history and "} + other + " exclude each other"));
    CHECK(refusal({"--history", "--prometheus"}) ==
          usage("--prometheus stands alone, beside options that say where to look"));
    CHECK(refusal({"--since", "2h"}) == usage("--since needs --history"));
    CHECK(refusal({"--history", "--since", "soon"}) ==
          usage("'soon' is no time such as 03:12, 2026-03-01T03:12 or 2h"));
    CHECK(refusal({"--history", "a", "b"}) == usage("unknown argument 'b'"));
}
