#pragma once

#include "base/environment.hpp"
#include "check/target.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace checkpg {

/// The role a server is asked for.
enum class Role { primary, standby };

/// "primary" or "standby".
std::string_view words(Role role) noexcept;

/// How HAProxy calls the server that it has checked: empty where it didn't say.
struct HaproxyServer {
    std::string backend;
    std::string name;
    std::string backend_number; ///< as its commands take them
    std::string number;
};

/// What the caller wants, read from the arguments and HAProxy's environment variables.
struct Invocation {
    enum class Action { check, show_help, show_version };
    enum class Form { haproxy, manual };

    Action action = Action::check;
    Form form = Form::manual;
    std::string help; ///< the help text, if that is what was asked for

    /// host, hostaddr and port. In HAProxy form the configuration file may override them: a site
    /// that routes to stolon-proxy or pgbouncer asks PostgreSQL on another port.
    std::vector<Setting> target;
    std::vector<Setting> options; ///< from the command line: stronger than the file
    HaproxyServer haproxy_server; ///< in HAProxy form

    std::optional<std::string> config_file; ///< --config
    std::string backend;                    ///< the section to use; empty: the global part only
    bool quiet = false;
    bool verbose = false;
    bool json = false;
};

/// Reads the arguments (without the program's name). Throws a usage error, one line that names
/// the argument. Two forms (HAProxy's src/extcheck.c tells what a check is given):
///   HAProxy: <proxy_address> <proxy_port> <server_address> <server_port> [anything]
///   manual:  [options] [HOST [PORT]] or [options] HOST:PORT
Invocation parse_invocation(std::string_view program, std::span<const char* const> arguments,
                            const EnvironmentLookup& environment);

} // namespace checkpg
