#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace checkpg {

/// One line of HAProxy's `show stat`: what checkpgroutes uses of it.
struct StatRow {
    enum class Kind { frontend, backend, server };
    using Number = std::optional<std::int64_t>; ///< nothing where HAProxy leaves the field empty

    Kind kind = Kind::server;
    std::string proxy;        ///< pxname: the frontend's or backend's name
    std::string server;       ///< svname: the server's name, or FRONTEND, or BACKEND
    std::string status;       ///< "UP", "UP 1/3", "MAINT (via a/b)", "no check", "OPEN" ...
    std::string check_status; ///< "PROCERR", "* PROCOK", "L4CON", empty without a check
    std::string check_detail; ///< last_chk: what the check met, in HAProxy's words
    std::string address;      ///< empty if the socket's level doesn't show it
    Number process;           ///< pid: HAProxy's number of the process, from 1
    Number check_code;
    Number check_duration; ///< in milliseconds
    Number sessions;
    Number most_sessions;
    Number session_limit;
    Number queued;
    Number weight;
    Number since_change; ///< in seconds
    bool backup = false;
    /// A server's name and port, or SRV record, where read_names() has it.
    std::string resolved_from;
};

/// The rows of HAProxy's answer to `show stat`, in its order. Fields are found by the names in its
/// first line, never by position; listeners are left out. Throws HaproxyError if it is no such
/// table (HAProxy's refusal is quoted, a field that should be a number is named), or breaks off
/// before the empty line that ends it.
std::vector<StatRow> parse_show_stat(std::string_view answer);

} // namespace checkpg
