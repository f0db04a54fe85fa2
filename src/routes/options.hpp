#pragma once

#include "base/config_file.hpp"
#include "base/deadline.hpp"
#include "base/stats_socket.hpp"
#include "routes/history_time.hpp"
#include "routes/routing.hpp"

#include <optional>
#include <string>
#include <vector>

namespace checkpg {

/// The words of a checkpgroutes command line.
struct RoutesCommandLine {
    bool help = false;
    bool version = false;
    bool json = false;
    bool ping = false;
    bool serving = false;
    bool prometheus = false;
    bool quiet = false;
    bool verbose = false;
    bool table = false;
    bool all = false;
    std::optional<std::string> cluster;
    Thresholds warning;
    Thresholds critical;
    std::vector<std::string> sockets;
    std::vector<std::string> read_write;
    std::vector<std::string> read_only;
    std::optional<std::string> config;
    std::optional<milliseconds> timeout;
    std::optional<milliseconds> watch; ///< the interval
    std::optional<std::string> ask;    ///< PostgreSQL, too: the server's name, empty for all
    bool history = false;
    std::optional<std::string> log; ///< the history's, "-" is standard input; else HAProxy's ring
    std::optional<WallTime> since;  ///< the history's begin
};

/// What checkpgroutes does: command line over configuration file over defaults.
struct RoutesSettings {
    std::string cluster; ///< the name in its section [checkpgroutes NAME]; empty: [checkpgroutes]
    std::vector<StatsSocket> sockets; ///< empty: the first of default_stats_sockets() that exists
    RouteRules rules;
    milliseconds timeout{1500};
};

/// The command line without the program's name. Throws a usage error that names the argument.
RoutesCommandLine parse_routes_command_line(const std::vector<std::string>& arguments);

/// Puts the settings together, for each cluster that the command line asks for: one, unless it asks
/// for all. Of the file only the sections [checkpgroutes] and [checkpgroutes NAME] are looked at.
/// Throws a usage error, or a configuration error that names the file and line.
std::vector<RoutesSettings> routes_settings(const RoutesCommandLine& line,
                                            const std::optional<ConfigFile>& config);

/// What --help prints.
std::string routes_help();

} // namespace checkpg
