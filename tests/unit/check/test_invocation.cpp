#include "check/invocation.hpp"
#include "check/settings.hpp"
#include "check/target.hpp"
#include "fake_environment.hpp"
#include "refusal.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>

using checkpg::Invocation;
using checkpg::value_of;

namespace {

using Variables = std::map<std::string, std::string>;

Invocation parsed(const std::vector<const char*>& arguments, const Variables& variables = {}) {
    return checkpg::parse_invocation("checkpgprimary", arguments, environment_of(variables));
}

std::string refusal(const std::vector<const char*>& arguments) {
    return refusal_of(checkpg::ExitCode::usage, [&] { parsed(arguments); });
}

} // namespace

TEST_CASE("HAProxy's four arguments name the server, its variables the backend and the name") {
    const auto invocation = parsed({"NOT_USED", "NOT_USED", "192.0.2.11", "6432"},
                                   {{"HAPROXY_PROXY_NAME", "PostgresReadWrite-backend"},
                                    {"HAPROXY_SERVER_NAME", "db1.example.com"}});
    CHECK(invocation.form == Invocation::Form::haproxy);
    CHECK(invocation.backend == "PostgresReadWrite-backend");
    CHECK(value_of(invocation.target, "host") == "db1.example.com");
    CHECK(value_of(invocation.target, "hostaddr") == "192.0.2.11");
    CHECK(value_of(invocation.target, "port") == "6432");
    CHECK(invocation.options.empty());
}

TEST_CASE("HAProxy form without HAProxy's variables takes the address for the name") {
    const auto invocation = parsed({"", "", "2001:db8::1", "5432", "anything"});
    CHECK(invocation.form == Invocation::Form::haproxy);
    CHECK(invocation.backend.empty());
    CHECK(value_of(invocation.target, "host") == "2001:db8::1");
    CHECK(value_of(invocation.target, "hostaddr") == "2001:db8::1");
}

TEST_CASE("a port that HAProxy doesn't know is left to the configuration") {
    for (const char* port : {"NOT_USED", ""})
        CHECK(
            value_of(parsed({"NOT_USED", "NOT_USED", "192.0.2.11", port}).target, "port").empty());
}

TEST_CASE("HAProxy's port may be none") {
    for (const char* none : {"", "NOT_USED", "0"}) {
        const auto target = parsed({"", "", "192.0.2.11", none}).target;
        CHECK(std::none_of(target.begin(), target.end(),
                           [](const auto& setting) { return setting.key == "port"; }));
    }
    CHECK(refusal({"db1", "0"}).find("PORT '0'") == 0);
}

TEST_CASE("a UNIX socket is a directory and the number in the file's name") {
    const auto target =
        parsed({"NOT_USED", "NOT_USED", "/run/postgresql/.s.PGSQL.5433", "NOT_USED"}).target;
    CHECK(value_of(target, "host") == "/run/postgresql");
    CHECK(value_of(target, "hostaddr").empty());
    CHECK(value_of(target, "port") == "5433");
    CHECK(value_of(parsed({"", "", "/.s.PGSQL.1", ""}).target, "host") == "/");
    CHECK(refusal({"", "", "/run/pgbouncer/socket", "NOT_USED"}) ==
          "server address '/run/pgbouncer/socket' is not a socket of PostgreSQL: its name must be "
          ".s.PGSQL.PORT");
    CHECK(refusal({"", "", "/run/.s.PGSQL.x", "NOT_USED"}) ==
          "the socket's number 'x' is not a port: give a number from 1 to 65535");
}

TEST_CASE("by hand HOST and PORT are as strong as options") {
    const auto invocation = parsed({"db1", "5433"}, {{"HAPROXY_PROXY_NAME", "ignored"}});
    CHECK(invocation.form == Invocation::Form::manual);
    CHECK(invocation.backend.empty());
    CHECK(invocation.target.empty());
    CHECK(value_of(invocation.options, "host") == "db1");
    CHECK(value_of(invocation.options, "port") == "5433");
}

TEST_CASE("by hand the port may stand behind the host") {
    struct {
        const char *argument, *host, *hostaddr, *port;
    } const cases[] = {{"127.0.0.1:5433", "127.0.0.1", "127.0.0.1", "5433"},
                       {"db1.example.com:5433", "db1.example.com", "", "5433"},
                       {"[::1]:5433", "::1", "::1", "5433"},
                       {"[fe80::1%eth0]:1", "fe80::1%eth0", "fe80::1%eth0", "1"},
                       {"[::1]", "::1", "::1", ""},
                       {"::1", "::1", "::1", ""},
                       {"2001:db8::1:5433", "2001:db8::1:5433", "2001:db8::1:5433", ""},
                       {"/run/a:1", "/run/a:1", "", ""},
                       {"/run/a=b", "/run/a=b", "", ""},
                       {"@a:1", "@a:1", "", ""}};
    for (const auto& [argument, host, hostaddr, port] : cases) {
        CAPTURE(argument);
        const auto options = parsed({argument}).options;
        CHECK(value_of(options, "host") == host);
        CHECK(value_of(options, "hostaddr") == hostaddr);
        CHECK(value_of(options, "port") == port);
    }
}

TEST_CASE("a host and its port in one argument are refused if they are neither") {
    for (const char* text : {":5433", "[::1]5433", "[::1", "[]:5433", "::1:54333x", "a:b:5433",
                             "[a:b]:5433", "::1::5433", "me:hush@db1", "me:hush@db1:5433"})
        CHECK(refusal({text}) ==
              "argument HOST is no server: write HOST, HOST:PORT or, for IPv6, [ADDRESS]:PORT");
    for (const char* port : {"", "0", "65536", "abc", " 5433", "-1"})
        CHECK(refusal({("db1:" + std::string{port}).c_str()}) ==
              "HOST's port '" + std::string{port} +
                  "' is not a port: give a number from 1 to 65535");
}

TEST_CASE("the port is said once") {
    const std::string twice = "HOST:PORT and PORT both name the port: give one of them";
    CHECK(refusal({"db1:5433", "5433"}) == twice);
    CHECK(refusal({"[::1]:5433", "5434"}) == twice);
    CHECK(refusal({"db1:5433", "-p", "5433"}) ==
          "HOST:PORT and --port both name the port: give one of them");
    CHECK(value_of(parsed({"[::1]", "5433"}).options, "port") == "5433");
    CHECK(value_of(parsed({"-p", "5433", "::1"}).options, "port") == "5433");
}

TEST_CASE("the host of --host has no port") {
    for (const char* text : {"db1:5433", "127.0.0.1:5433", "[::1]:5433"})
        CHECK(refusal({"-h", text}) ==
              "--host '" + std::string{text} + "' has a port: give that as --port");
    CHECK(value_of(parsed({"-h", "::1"}).options, "hostaddr") == "::1");
}

TEST_CASE("a connection string is no host, and what is in it is a secret") {
    const std::vector<std::vector<const char*>> cases{
        {"postgresql://me:hush@db1:5433/x"},
        {"postgres://db1"},
        {"jdbc:postgresql://db1/x?password=hush"},
        {"host=db1 password=hush"},
        {"host=db1", "password=hush"},
        {"password=hush", "5432"},
        {"host=db1", "user=me", "password=hush"},
        {"db1", "password=hush"},
        {"host=db1", "user=me", "dbname=x", "port=1", "sslmode=require", "password=hush"},
        {"-h", "postgresql://me:hush@db1"},
        {"-h", "host=db1 password=hush"},
        {"-d", "postgresql://me:hush@db1", "db1"},
        {"-d", "dbname=x password=hush", "db1"},
        {"-p", "password=hush", "db1"},
        // The form is HAProxy's, and the port was none before.
        {"host=db1", "port=5432", "user=me", "password=hush"}};
    for (const auto& arguments : cases) {
        CAPTURE(arguments);
        const auto said = refusal(arguments);
        CHECK(said.ends_with(" is a connection string: write HOST:PORT instead, --username and "
                             "--dbname for role and database, and the rest in checkpg.conf"));
        CHECK(said.find("hush") == std::string::npos);
    }
    CHECK(refusal({"--password=hush", "db1"}) ==
          "unknown option '--password' (--help shows the options)");
}

TEST_CASE("HAProxy's arguments are taken as they are") {
    const auto target = parsed({"", "", "db1:5433", "5432"}).target;
    CHECK(value_of(target, "host") == "db1:5433");
    CHECK(value_of(target, "port") == "5432");
    CHECK(value_of(parsed({"a=b", "", "c=d", "5432"}).target, "host") == "c=d");
}

TEST_CASE("options are psql's") {
    const auto invocation =
        parsed({"-h", "192.0.2.11", "-p", "5433", "-U", "me", "-d", "mine", "-t", "2", "-q", "-v",
                "--json", "--config", "my.conf", "--backend", "b"});
    CHECK(value_of(invocation.options, "host") == "192.0.2.11");
    CHECK(value_of(invocation.options, "hostaddr") == "192.0.2.11");
    CHECK(value_of(invocation.options, "port") == "5433");
    CHECK(value_of(invocation.options, "user") == "me");
    CHECK(value_of(invocation.options, "dbname") == "mine");
    CHECK(invocation.config_file == "my.conf");
    CHECK(invocation.backend == "b");
    CHECK((invocation.quiet && invocation.verbose && invocation.json));
}

TEST_CASE("options may stand before HAProxy's arguments") {
    const auto invocation = parsed({"-v", "NOT_USED", "NOT_USED", "192.0.2.11", "5432"});
    CHECK(invocation.form == Invocation::Form::haproxy);
    CHECK(invocation.verbose);
    CHECK(value_of(invocation.target, "hostaddr") == "192.0.2.11");
}

TEST_CASE("a bare timeout on the command line is seconds, as for pg_isready") {
    CHECK(value_of(parsed({"-t", "2", "h"}).options, "timeout") == "2s");
    CHECK(value_of(parsed({"-t", "0.5", "h"}).options, "timeout") == "500ms");
    CHECK(value_of(parsed({"-t", "800ms", "h"}).options, "timeout") == "800ms");
    for (const char* text : {"0", "61", "100", "soon", "", "-1"})
        CHECK(refusal({"h", "--timeout", text}).find("--timeout") == 0);
}

TEST_CASE("help and versions need no server") {
    CHECK(parsed({"-?"}).action == Invocation::Action::show_help);
    CHECK(parsed({"--help"}).help.find("--timeout") != std::string::npos);
    CHECK(parsed({"--version"}).action == Invocation::Action::show_version);
}

TEST_CASE("bad arguments are refused in one line that names them") {
    CHECK(refusal({"a", "b", "c"}) ==
          "3 arguments: give HOST [PORT], or the four that HAProxy gives");
    CHECK(refusal({"a", "b", "c", "1", "e", "f"}).find("6 arguments") == 0);
    CHECK(refusal({"--frob"}) == "unknown option '--frob' (--help shows the options)");
    CHECK(refusal({"h", "-x"}) == "unknown option '-x' (--help shows the options)");
    CHECK(refusal({"-p"}).find("--port") == 0);
    CHECK(refusal({"", "", "", "5432"}) ==
          "server address is empty: HAProxy does not know this server's address");
    CHECK(refusal({""}).find("argument HOST is empty") == 0);
    CHECK(refusal({"-h", ""}).find("option --host is empty") == 0);
    CHECK(refusal({"-U", "", "a"}).find("--username is empty") == 0);
    CHECK(refusal({"-d", "", "a"}).find("--dbname is empty") == 0);
    CHECK(refusal({"-h", "a", "b"}).find("--host and HOST") == 0);
    CHECK(refusal({"-p", "1", "a", "2"}).find("--port and PORT") == 0);
    for (const char* port : {"00", "65536", "abc", " 5432", "5432 "}) {
        CHECK(refusal({"", "", "192.0.2.11", port}).find("server port '") == 0);
        CHECK(refusal({"db1", port}).find("PORT '") == 0);
        CHECK(refusal({"db1", "--port", port}).find("--port '") == 0);
    }
}

TEST_CASE("addresses are told from names") {
    for (const char* address :
         {"192.0.2.1", "::1", "2001:db8::1", "fe80::1%eth0", "fe80::1%bond0.100", "fe80::1%2"})
        CHECK(checkpg::is_ip_address(address));
    for (const char* name : {"", "db1", "192.0.2", "192.0.2.256", "1", "db1.example.com", "/run",
                             "fe80::1%", "fe80::1%eth0,db2", "fe80::1%a b", "::%/",
                             "fe80::1%eth0%1", "fe80::1%an-interfaces-name", "192.0.2.1%eth0"})
        CHECK_FALSE(checkpg::is_ip_address(name));
}

TEST_CASE("a place is an address and a port") {
    CHECK(checkpg::place_of("192.0.2.11", "5432") == "192.0.2.11:5432");
    CHECK(checkpg::place_of("2001:db8::1", "5432") == "[2001:db8::1]:5432");
}
