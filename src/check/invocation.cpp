#include "check/invocation.hpp"

#include "base/error.hpp"
#include "base/exit_code.hpp"
#include "base/units.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace checkpg {

namespace {

using Arguments = std::vector<std::string>;

std::string variable(const EnvironmentLookup& environment, const char* name) {
    const char* const value = environment(name);
    return value == nullptr ? std::string{} : std::string{value};
}

/// What a person calls a server. A socket's directory stays as it is, and so does an empty text.
HostAndPort server_in(const std::string& text, std::string_view argument) {
    if (text.empty() || is_socket_directory(text))
        return {text, {}};
    HostAndPort server = split_port(text);
    const bool no_name = server.host.empty() || (!is_ip_address(server.host) &&
                                                 server.host.find(':') != std::string::npos);
    // Not quoted: it may be ROLE:PASSWORD@HOST.
    if (no_name || server.port.find_first_of(":@") != std::string_view::npos)
        throw usage_error(fmt::format("{} is no server: write HOST, HOST:PORT or, for IPv6, "
                                      "[ADDRESS]:PORT",
                                      argument));
    return server;
}

/// HOST, HOST PORT or HOST:PORT.
void add_server(std::vector<Setting>& options, const Arguments& words) {
    const HostAndPort server = server_in(words[0], "argument HOST");
    const bool has_option = std::any_of(options.begin(), options.end(), [](const Setting& setting) {
        return setting.key == "port";
    });
    if (server.has_port && (words.size() == 2 || has_option))
        throw usage_error(fmt::format("HOST:PORT and {} both name the port: give one of them",
                                      has_option ? "--port" : "PORT"));
    add_host(options, server.host, "argument HOST");
    if (server.has_port)
        options.push_back({"port", checked_port(server.port, "HOST's port"), "argument HOST"});
    if (words.size() == 2)
        options.push_back({"port", checked_port(words[1], "PORT"), "argument PORT"});
}

void add_positionals(Invocation& invocation, const Arguments& words,
                     const EnvironmentLookup& environment) {
    if (words.size() == 4 || words.size() == 5) {
        invocation.form = Invocation::Form::haproxy;
        invocation.haproxy_server = {variable(environment, "HAPROXY_PROXY_NAME"),
                                     variable(environment, "HAPROXY_SERVER_NAME"),
                                     variable(environment, "HAPROXY_PROXY_ID"),
                                     variable(environment, "HAPROXY_SERVER_ID")};
        invocation.target = haproxy_target(words[2], words[3], invocation.haproxy_server.name);
        if (invocation.backend.empty())
            invocation.backend = invocation.haproxy_server.backend;
        return;
    }
    for (const std::string& word : words)
        refuse_connection_string(word, "the argument");
    if (words.size() > 2)
        throw usage_error(fmt::format("{} arguments: give HOST [PORT], or the four that HAProxy "
                                      "gives",
                                      words.size()));
    if (!words.empty())
        add_server(invocation.options, words);
}

/// libpq would take the operating system user's name for an empty one.
const std::string& not_empty(const std::string& text, std::string_view option) {
    if (text.empty())
        throw usage_error(fmt::format("{} is empty: give a name, or leave it out", option));
    return text;
}

/// As the configuration file would have it.
std::string timeout_with_unit(const std::string& text) {
    const auto timeout = allowed_timeout(parse_seconds(text));
    if (!timeout)
        throw usage_error(fmt::format("--timeout '{}' is not a time from {} to {}: give seconds, "
                                      "or a number with a unit, such as 800ms",
                                      text, format_duration(shortest_timeout),
                                      format_duration(longest_timeout)));
    return format_duration(*timeout);
}

/// The command line as CLI11 fills it in.
struct CommandLine {
    Arguments words;
    std::string host, port, user, database, timeout, config_file, backend;
    bool quiet = false, verbose = false, json = false, version = false, help = false;
};

void describe(CLI::App& app, CommandLine& line) {
    app.set_help_flag(); // -h is the host, as for psql
    app.allow_extras();
    app.add_option("HOST", line.words,
                   "The server to ask: a name, an address or the directory of a UNIX socket; then\n"
                   "PORT, or both as HOST:PORT ([ADDRESS]:PORT for IPv6).\n"
                   "HAProxy gives four: proxy address, proxy port, server address, server port.");
    app.add_option("-h,--host", line.host, "The server, instead of HOST")->type_name("HOST");
    app.add_option("-p,--port", line.port, "PostgreSQL's port (5432)")->type_name("PORT");
    app.add_option("-U,--username", line.user, "Role to log in as (checkpg)")->type_name("ROLE");
    app.add_option("-d,--dbname", line.database, "Database (postgres)")->type_name("NAME");
    app.add_option("-t,--timeout", line.timeout, "End by then; a bare number is seconds (1500ms)")
        ->type_name("TIME");
    app.add_option("--config", line.config_file, "Configuration (/etc/checkpg/checkpg.conf)")
        ->type_name("FILE");
    app.add_option("--backend", line.backend, "Use this HAProxy backend's section of the file")
        ->type_name("NAME");
    app.add_flag("-q,--quiet", line.quiet, "Print nothing: the exit code says it all");
    app.add_flag("-v,--verbose", line.verbose, "Show each step with its time");
    app.add_flag("--json", line.json, "Print one JSON object");
    app.add_flag("-V,--version", line.version, "Print the versions and exit");
    app.add_flag("-?,--help", line.help, "Print this help and exit");
}

/// What --help says below the options.
std::string exit_codes() {
    std::string text = "Exit codes:\n";
    for (int number = 0; number <= to_int(ExitCode::configuration); ++number)
        if (const auto code = exit_code_from_number(number))
            text += fmt::format("  {:2}  {}\n", number, words(*code));
    return text + "checkpgprimary(1) says what to do about each.\n";
}

void add_options(Invocation& invocation, const CLI::App& app, const CommandLine& line) {
    auto& options = invocation.options;
    if (app.count("--host") > 0) {
        if (!line.words.empty())
            throw usage_error("--host and HOST both name the server: give one of them");
        refuse_connection_string(line.host, "--host");
        const HostAndPort server = server_in(line.host, "--host");
        if (server.has_port)
            throw usage_error(
                fmt::format("--host '{}' has a port: give that as --port", line.host));
        add_host(options, server.host, "option --host");
    }
    if (app.count("--port") > 0) {
        if (line.words.size() > 1)
            throw usage_error("--port and PORT both name the port: give one of them");
        refuse_connection_string(line.port, "--port");
        options.push_back({"port", checked_port(line.port, "--port"), "option --port"});
    }
    if (app.count("--username") > 0)
        options.push_back({"user", not_empty(line.user, "--username"), "option --username"});
    if (app.count("--dbname") > 0) {
        refuse_connection_string(line.database, "--dbname");
        options.push_back({"dbname", not_empty(line.database, "--dbname"), "option --dbname"});
    }
    if (app.count("--timeout") > 0)
        options.push_back({"timeout", timeout_with_unit(line.timeout), "option --timeout"});
    if (app.count("--config") > 0)
        invocation.config_file = line.config_file;
}

Invocation parse_command_line(std::string_view program, Arguments arguments,
                              const EnvironmentLookup& environment) {
    CommandLine line;
    CLI::App app{"Tells whether a PostgreSQL server has the role; the exit code is the answer.",
                 std::string{program}};
    describe(app, line);
    try {
        std::reverse(arguments.begin(), arguments.end()); // CLI11 takes them from the back
        app.parse(std::move(arguments));
    } catch (const CLI::ParseError& error) {
        throw usage_error(fmt::format("{} (--help shows the options)", error.what()));
    }
    if (app.remaining_size() > 0) {
        const std::string option = app.remaining().front(); // its value may be a password
        throw usage_error(fmt::format("unknown option '{}' (--help shows the options)",
                                      option.substr(0, option.find('='))));
    }
    Invocation invocation;
    if (line.help) {
        invocation.action = Invocation::Action::show_help;
        invocation.help = app.help() + exit_codes();
    } else if (line.version) {
        invocation.action = Invocation::Action::show_version;
    } else {
        invocation.quiet = line.quiet;
        invocation.verbose = line.verbose;
        invocation.json = line.json;
        invocation.backend = line.backend;
        add_options(invocation, app, line);
        add_positionals(invocation, line.words, environment);
    }
    return invocation;
}

/// HAProxy gives no options: nothing there for CLI11 to do, and nothing that may cost time.
bool is_what_haproxy_gives(const Arguments& arguments) {
    return (arguments.size() == 4 || arguments.size() == 5) &&
           std::none_of(arguments.begin(), arguments.end(),
                        [](const std::string& argument) { return argument.substr(0, 1) == "-"; });
}

} // namespace

std::string_view words(Role role) noexcept { return role == Role::primary ? "primary" : "standby"; }

Invocation parse_invocation(std::string_view program, std::span<const char* const> arguments,
                            const EnvironmentLookup& environment) {
    Arguments words{arguments.begin(), arguments.end()};
    if (!is_what_haproxy_gives(words))
        return parse_command_line(program, std::move(words), environment);
    Invocation invocation;
    add_positionals(invocation, words, environment);
    return invocation;
}

} // namespace checkpg
