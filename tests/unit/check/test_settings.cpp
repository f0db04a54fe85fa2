#include "base/error.hpp"
#include "check/libpq_keywords.hpp"
#include "check/settings.hpp"
#include "fake_environment.hpp"
#include "refusal.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <filesystem>

using namespace std::chrono_literals;
using checkpg::ConfigFile;
using checkpg::Settings;

namespace {

using Arguments = std::vector<const char*>;
using Variables = std::map<std::string, std::string>;

const Arguments haproxy_arguments{"NOT_USED", "NOT_USED", "192.0.2.11", "6432"};
const Variables haproxy_variables{{"HAPROXY_PROXY_NAME", "rw"}, {"HAPROXY_SERVER_NAME", "db1"}};

ConfigFile file_of(std::string_view text, bool read_by_others = false) {
    return {"checkpg.conf", checkpg::parse_config(text, "checkpg.conf"), read_by_others};
}

Settings made(const Arguments& arguments, const std::optional<ConfigFile>& file = {},
              const Variables& variables = {}) {
    const auto environment = environment_of(variables);
    const auto invocation = checkpg::parse_invocation("checkpgprimary", arguments, environment);
    return checkpg::make_settings("checkpgprimary", invocation, file, environment);
}

std::string value(const Settings& settings, std::string_view key) {
    return std::string{checkpg::value_of(settings.connection, key)};
}

std::string origin(const Settings& settings, std::string_view key) {
    for (const auto& setting : settings.explained)
        if (setting.key == key)
            return setting.origin;
    return "not set";
}

std::string refusal(std::string_view text, bool read_by_others = false) {
    return refusal_of(checkpg::ExitCode::configuration, [&] {
        made(haproxy_arguments, file_of(text, read_by_others), haproxy_variables);
    });
}

} // namespace

TEST_CASE("the defaults work without a file") {
    const auto settings = made(haproxy_arguments, {}, haproxy_variables);
    CHECK(value(settings, "user") == "checkpg");
    CHECK(value(settings, "dbname") == "postgres");
    CHECK(value(settings, "application_name") == "checkpgprimary");
    CHECK(value(settings, "gssencmode") == "disable");
    CHECK(value(settings, "passfile") == "/etc/checkpg/pgpass");
    CHECK(value(settings, "host") == "db1");
    CHECK(value(settings, "hostaddr") == "192.0.2.11");
    CHECK(value(settings, "port") == "6432");
    CHECK(settings.timeout == 1500ms);
    CHECK(origin(settings, "host") == "HAPROXY_SERVER_NAME");
}

TEST_CASE("the section is stronger than the global part, the command line than both") {
    const auto file = file_of("user = global\nsslmode = disable\ntimeout = 800ms\n"
                              "[rw]\nuser = section\n[ro]\nuser = other\n");
    const auto by_haproxy = made(haproxy_arguments, file, haproxy_variables);
    CHECK(value(by_haproxy, "user") == "section");
    CHECK(origin(by_haproxy, "user") == "checkpg.conf:5");
    CHECK(value(by_haproxy, "sslmode") == "disable");
    CHECK(by_haproxy.timeout == 800ms);
    CHECK(value(made({"db1"}, file), "user") == "global");
    CHECK(value(made({"--backend", "ro", "db1"}, file), "user") == "other");
    const auto by_hand = made({"--backend", "ro", "-U", "me", "-t", "3", "db1"}, file);
    CHECK(value(by_hand, "user") == "me");
    CHECK(origin(by_hand, "user") == "option --username");
    CHECK(by_hand.timeout == 3s);
}

TEST_CASE("the file may send HAProxy's question to another port, and a person's nowhere") {
    const auto file = file_of("port = 5432\nhost = db9\n");
    const auto by_haproxy = made(haproxy_arguments, file, haproxy_variables);
    CHECK(value(by_haproxy, "host") == "db9");
    CHECK(value(by_haproxy, "hostaddr") == "192.0.2.11");
    CHECK(value(by_haproxy, "port") == "5432");
    const auto by_hand =
        made({"db1", "6432"}, file_of("port = 5432\nhostaddr = 192.0.2.99\nhost = db9\n"));
    CHECK(value(by_hand, "host") == "db1");
    CHECK(value(by_hand, "hostaddr").empty());
    CHECK(value(by_hand, "port") == "6432");
}

TEST_CASE("a file that names one server for all is refused to HAProxy") {
    for (const char* line : {"hostaddr = 192.0.2.99", "hostaddr =", "host = /run/postgresql",
                             "host = @postgresql", "[rw]\nhost = /run/postgresql"})
        CHECK(refusal(line).find("would send the checks of all servers to one") !=
              std::string::npos);
    CHECK(refusal("[ro]\nhostaddr = 192.0.2.99") == "accepted"); // another backend's
    CHECK(refusal_of(checkpg::ExitCode::configuration,
                     [] {
                         made({"", "", "/run/postgresql/.s.PGSQL.5432", ""}, file_of("host = db1"));
                     }) ==
          "checkpg.conf:1: host would take the place of /run/postgresql, the server that "
          "HAProxy asks about");
}

TEST_CASE("a socket directory in the file needs no address") {
    const auto settings = made({}, file_of("host = /run/postgresql"));
    CHECK(value(settings, "host") == "/run/postgresql");
    CHECK(value(settings, "hostaddr").empty());
}

TEST_CASE("the environment counts as libpq's does, but never names HAProxy's server") {
    const Variables mine{{"PGHOST", "elsewhere"},  {"PGHOSTADDR", "192.0.2.66"},
                         {"PGPORT", "6666"},       {"PGUSER", "me"},
                         {"PGSSLMODE", "require"}, {"PGTARGETSESSIONATTRS", "standby"}};
    auto variables = haproxy_variables;
    variables.insert(mine.begin(), mine.end());
    const auto by_haproxy = made(haproxy_arguments, {}, variables);
    CHECK(value(by_haproxy, "host") == "db1");
    CHECK(value(by_haproxy, "hostaddr") == "192.0.2.11");
    CHECK(value(by_haproxy, "port") == "6432");
    CHECK(value(by_haproxy, "sslmode") == "require");
    CHECK(value(by_haproxy, "target_session_attrs").empty());
    const auto by_hand = made({}, file_of("user = checker"), mine);
    CHECK(value(by_hand, "host") == "elsewhere");
    CHECK(value(by_hand, "port") == "6666");
    CHECK(value(by_hand, "user") == "checker");
    CHECK(value(made({"db1"}, {}, mine), "hostaddr").empty());
}

TEST_CASE("an address needs no look-up and a missing port is PostgreSQL's") {
    const auto settings = made({"-h", "192.0.2.11"});
    CHECK(value(settings, "hostaddr") == "192.0.2.11");
    CHECK(value(settings, "port") == "5432");
    CHECK_THROWS_AS(made({}), checkpg::Error);
    CHECK(value(made({}, {}, {{"PGHOST", "192.0.2.12"}}), "hostaddr") == "192.0.2.12");
    const auto by_address = made({}, {}, {{"PGHOSTADDR", "192.0.2.13"}});
    CHECK(value(by_address, "hostaddr") == "192.0.2.13");
    CHECK(value(by_address, "host").empty());
}

TEST_CASE("a value is set once, whether there was one or not") {
    std::vector<checkpg::Setting> settings;
    checkpg::set_value(settings, "host", "db1");
    checkpg::set_value(settings, "host", "db2");
    REQUIRE(settings.size() == 1);
    CHECK(checkpg::value_of(settings, "host") == "db2");
}

TEST_CASE("every libpq keyword is known, from libpq itself") {
    CHECK(checkpg::libpq_keywords().size() > 30);
    const std::vector<std::string_view> never_alone{
        "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslcrldir", "requirepeer", "passfile"};
    for (const auto& keyword : checkpg::libpq_keywords()) {
        if (keyword.keyword == "service" || keyword.keyword == "servicefile" ||
            keyword.keyword == "replication" || keyword.keyword == "target_session_attrs" ||
            keyword.keyword == "fallback_application_name")
            CHECK(refusal(keyword.keyword + " = x") ==
                  "checkpg.conf:1: " + keyword.keyword + " has no place in a check: remove it");
        else if (std::find(never_alone.begin(), never_alone.end(), keyword.keyword) !=
                 never_alone.end())
            CHECK(refusal(keyword.keyword + " = x").find("checkpg.conf:1: " + keyword.keyword) ==
                  0);
        else if (keyword.keyword != "port" && keyword.keyword != "hostaddr")
            CHECK(refusal(keyword.keyword + " = x") == "accepted");
    }
}

TEST_CASE("bad settings are refused with file, line and key") {
    CHECK(refusal("\nfrob = 1") ==
          "checkpg.conf:2: unknown key 'frob': neither checkpg nor libpq has it");
    CHECK(refusal("[rw]\nUser = x").find("checkpg.conf:2: unknown key 'User'") == 0);
    CHECK(refusal("[ro]\nfrob = 1") == "accepted"); // another backend's
    for (const char* timeout : {"0", "61s", "2min", "abc", "16 apples", "", "-1s"})
        CHECK(refusal(std::string{"timeout = "} + timeout) ==
              "checkpg.conf:1: timeout '" + std::string{timeout} +
                  "' is not a time from 1ms to 1min, such as 800ms");
    CHECK(refusal("port = 0").find("checkpg.conf:1: port '0' is not a port") == 0);
    CHECK(refusal("port = 1,2").find("checkpg.conf:1: port '1,2' is not a port") == 0);
    CHECK(refusal_of(checkpg::ExitCode::configuration, [] {
              made({}, file_of("hostaddr = db1"));
          }) == "checkpg.conf:1: hostaddr 'db1' is not an IP address");
    CHECK(refusal("host = a,b").find("checkpg.conf:1: host names several servers") == 0);
    CHECK(refusal("user =").find("checkpg.conf:1: user is empty") == 0);
    CHECK(refusal("[rw]\ndbname = ''").find("checkpg.conf:2: dbname is empty") == 0);
}

TEST_CASE("what a site demands of its servers") {
    const auto settings = made(
        haproxy_arguments,
        file_of("peers = db2 192.0.2.13:5433\npeer-timeout = 300ms\n"
                "split-brain = newest-timeline\nrequire-writable = on\nrequire-streaming = yes\n"
                "max-replay-lag = 16MB\nmax-replay-delay = 10s\n"),
        haproxy_variables);
    CHECK(settings.peers.size() == 2);
    CHECK(settings.peer_timeout == 300ms);
    CHECK(settings.demands.split_brain == checkpg::SplitBrain::newest_timeline);
    CHECK(settings.demands.require_writable);
    CHECK(settings.demands.streaming == checkpg::Streaming::required);
    CHECK(settings.demands.max_replay_lag == 16U * 1024 * 1024);
    CHECK(settings.demands.max_replay_delay == 10s);
    CHECK(value(settings, "peers").empty()); // nothing for libpq
    const auto defaults = made(haproxy_arguments);
    CHECK(defaults.peers.empty());
    CHECK(defaults.peer_timeout == 500ms);
    CHECK(defaults.demands.split_brain == checkpg::SplitBrain::refuse);
    CHECK_FALSE(defaults.demands.require_writable);
    CHECK(defaults.demands.streaming == checkpg::Streaming::any);
    CHECK_FALSE(defaults.demands.max_replay_lag);
}

TEST_CASE("a standby may need its WAL receiver only beside a primary, and people see more") {
    const auto settings =
        made(haproxy_arguments, file_of("require-streaming = with-primary\n"), haproxy_variables);
    CHECK(settings.demands.streaming == checkpg::Streaming::with_primary);
    CHECK_FALSE(settings.by_hand);
    CHECK(made({"db1"}).by_hand);
}

TEST_CASE("bad demands are refused by key") {
    CHECK(refusal("max-replay-lag = 16 apples") ==
          "checkpg.conf:1: max-replay-lag '16 apples' is not a size, such as 16MB");
    CHECK(refusal("max-replay-delay = soon") ==
          "checkpg.conf:1: max-replay-delay 'soon' is not a time, such as 10s");
    CHECK(refusal("split-brain = maybe") ==
          "checkpg.conf:1: split-brain 'maybe' is neither refuse nor newest-timeline");
    CHECK(refusal("require-writable = 2") ==
          "checkpg.conf:1: require-writable '2' is neither on nor off");
    CHECK(refusal("require-streaming =").find("checkpg.conf:1: require-streaming ''") == 0);
    CHECK(refusal("require-streaming = With-Primary") ==
          "checkpg.conf:1: require-streaming 'With-Primary' is neither on, off nor with-primary");
    CHECK(refusal("peers = db1:x").find("checkpg.conf:1: peers 'db1:x'") == 0);
    CHECK(refusal("timeout = 500ms\npeers = db1") ==
          "peer-timeout (500ms) must be less than timeout (500ms)");
    CHECK(refusal("timeout = 500ms") == "accepted");
}

TEST_CASE("answers are logged only if syslog is said") {
    const auto logs = [](std::string_view text) {
        return made(haproxy_arguments, file_of(text), haproxy_variables).log;
    };
    CHECK_FALSE(made(haproxy_arguments).log);
    CHECK(logs("log = syslog"));
    CHECK(logs("[rw]\nlog = syslog"));
    CHECK_FALSE(logs("[ro]\nlog = syslog"));
    CHECK_FALSE(logs("log = syslog\n[rw]\nlog = off"));
    for (const char* log : {"on", "1", "", "Syslog", "/dev/log", "syslog off"})
        CHECK(refusal(std::string{"log = "} + log) ==
              "checkpg.conf:1: log '" + std::string{log} + "' is neither syslog nor off");
}

TEST_CASE("connections are kept for as long as the file says, and not at all by default") {
    CHECK(made(haproxy_arguments).keep == 0ms);
    const auto kept = [](std::string_view text) {
        return made(haproxy_arguments, file_of(text), haproxy_variables).keep;
    };
    CHECK(kept("keep = 60s") == 60s);
    CHECK(kept("keep = 1s") == 1s);
    CHECK(kept("keep = 1000") == 1s);
    CHECK(kept("keep = 1h") == 1h);
    CHECK(kept("keep = 0") == 0s);
    CHECK(kept("keep = 60s\n[rw]\nkeep = 0") == 0s);
    CHECK(kept("[rw]\nkeep = 2min") == 2min);
    CHECK(kept("[ro]\nkeep = 2min") == 0s);
    CHECK(kept("keep = 60s\nhost = db2") == 60s);
    CHECK(made({"", "", "/run/postgresql/.s.PGSQL.5432", ""}, file_of("keep = 60s")).keep == 60s);
    const auto settings = made(haproxy_arguments, file_of("keep = 60s"), haproxy_variables);
    CHECK(value(settings, "keep").empty()); // nothing for libpq
    CHECK(origin(settings, "keep") == "checkpg.conf:1");
}

TEST_CASE("a time that no connection is kept for is refused") {
    for (const char* keep : {"999ms", "60", "1", "3601s", "61min", "2h", "1d", "", "-1s", "on",
                             "1m", "60 apples", "99999999999999999999s"})
        CHECK(refusal(std::string{"keep = "} + keep) ==
              "checkpg.conf:1: keep '" + std::string{keep} +
                  "' is neither 0 nor a time from 1s to 1h, such as 60s");
}

TEST_CASE("both programs have one name where they may have one connection") {
    const auto name = [](std::string_view text, const Variables& more = {}) {
        Variables variables = haproxy_variables;
        variables.insert(more.begin(), more.end());
        return value(made(haproxy_arguments, file_of(text), variables), "application_name");
    };
    CHECK(name("keep = 60s") == "checkpg");
    CHECK(name("keep = 0") == "checkpgprimary");
    CHECK(name("[rw]\nkeep = 60s") == "checkpg");
    CHECK(name("keep = 60s\n[rw]\nkeep = 0") == "checkpgprimary");
    CHECK(name("keep = 60s\napplication_name = mine") == "mine");
    CHECK(name("keep = 60s", {{"PGAPPNAME", "mine"}}) == "mine");
}

TEST_CASE("which file a connection's settings are from is known where it is kept") {
    auto file = file_of("keep = 60s\npassword = hunter2\n");
    file.status.st_ino = 7;
    const auto settings = made(haproxy_arguments, file, haproxy_variables);
    CHECK(settings.file == "checkpg.conf");
    CHECK_FALSE(settings.file_identity.empty());
    CHECK(std::find(settings.secrets.begin(), settings.secrets.end(), "password") !=
          settings.secrets.end());
    CHECK_FALSE(settings.has_secret_outside_file);
    file.status.st_ino = 8;
    CHECK(made(haproxy_arguments, file, haproxy_variables).file_identity != settings.file_identity);
    auto variables = haproxy_variables;
    variables.insert({"PGPASSWORD", "hunter2"});
    CHECK(made(haproxy_arguments, file_of("keep = 60s"), variables).has_secret_outside_file);
}

TEST_CASE("a password needs a file that not everybody may read, and is never shown") {
    CHECK(refusal("password = hunter2", true).find("checkpg.conf:1: password") == 0);
    CHECK(refusal("password = hunter2", true).find("hunter2") == std::string::npos);
    CHECK(refusal("sslpassword = hunter2", true).find("checkpg.conf:1: sslpassword") == 0);
    const auto settings =
        made(haproxy_arguments, file_of("password = hunter2\n"), haproxy_variables);
    CHECK(value(settings, "password") == "hunter2");
    CHECK(std::none_of(settings.explained.begin(), settings.explained.end(),
                       [](const auto& setting) { return setting.value == "hunter2"; }));
}

TEST_CASE("secrets are known by their names, too") {
    for (const char* keyword :
         {"password", "sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret"})
        CHECK(checkpg::is_secret(keyword, "D"));
    CHECK(checkpg::is_secret("anything", "*"));
    for (const char* keyword : {"user", "sslkey", "passfile", "channel_binding"})
        CHECK_FALSE(checkpg::is_secret(keyword, ""));
}

TEST_CASE("what is configured and would not count is refused") {
    CHECK(refusal("sslmode = verify-full") ==
          "checkpg.conf:1: sslmode 'verify-full' needs sslrootcert, which has no default");
    CHECK(refusal("sslrootcert = /etc/passwd") ==
          "checkpg.conf:1: sslrootcert does not count with sslmode 'prefer', which goes on without "
          "TLS: set sslmode = verify-full");
    CHECK(refusal("sslmode = require\nsslrootcert = /nonexistent/a") ==
          "checkpg.conf:2: sslrootcert '/nonexistent/a' can't be read: No such file or directory");
    CHECK(refusal("sslmode = require\nsslrootcert = /dev/null") ==
          "checkpg.conf:2: sslrootcert '/dev/null' is not a plain file");
    CHECK(refusal("sslmode = require\nsslcrl = /etc/passwd") ==
          "checkpg.conf:2: sslcrl counts only with sslrootcert, which has no default");
    CHECK(refusal("sslmode = disable\nsslrootcert = /nonexistent/a") == "accepted");
    CHECK(refusal("passfile = /nonexistent/a") ==
          "checkpg.conf:1: passfile '/nonexistent/a' can't be read: No such file or directory");
    CHECK(refusal("passfile =") == "accepted");
}

TEST_CASE("the size of the files that a connection loads is known") {
    const std::string root = std::string{CHECKPG_TEST_DATA} + "/show_stat/cluster-2.6.csv";
    const auto settings =
        made(haproxy_arguments,
             file_of("sslmode = require\nsslrootcert = " + root + "\nsslcrl = " + root),
             haproxy_variables);
    CHECK(settings.file_bytes == 2 * std::filesystem::file_size(root));
    CHECK(made(haproxy_arguments).file_bytes == 0);
    CHECK(made(haproxy_arguments, file_of("sslmode = disable\nsslrootcert = " + root),
               haproxy_variables)
              .file_bytes == 0);
}

TEST_CASE("a named configuration file must be there") {
    CHECK_THROWS_AS(checkpg::find_config_file("/nonexistent.conf", environment_of({})),
                    checkpg::Error);
    CHECK_THROWS_AS(
        checkpg::find_config_file({}, environment_of({{"CHECKPG_CONFIG", "/nonexistent.conf"}})),
        checkpg::Error);
}
