#pragma once

#include "base/config_file.hpp"
#include "base/deadline.hpp"
#include "base/error.hpp"
#include "check/haproxy_peers.hpp"
#include "check/invocation.hpp"
#include "check/peers.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace checkpg {

/// What to do when another server of the same cluster calls itself primary too.
enum class SplitBrain {
    refuse,          ///< none of them gets writes
    newest_timeline, ///< the one on the highest timeline does, if it is the only one there
};

/// Whether a standby must have a WAL receiver that runs.
enum class Streaming {
    any,
    required,
    with_primary, ///< only while another server is primary
};

/// What a server must be beside having the role.
struct Demands {
    SplitBrain split_brain = SplitBrain::refuse;
    bool require_writable = false; ///< a primary's transactions are not read-only
    Streaming streaming = Streaming::any;
    std::optional<std::uint64_t> max_replay_lag; ///< bytes received and not yet replayed
    std::optional<milliseconds> max_replay_delay;
};

/// What one check works with.
struct Settings {
    /// libpq keywords and values, each keyword once: what the connection is made with.
    std::vector<Setting> connection;
    bool section_found = false;     ///< the file has the backend's section
    milliseconds timeout{1500};     ///< over everything, measured from the start of the program
    milliseconds peer_timeout{500}; ///< what silent peers may cost of it; less than timeout
    std::vector<Peer> peers;        ///< the listed ones
    std::optional<HaproxyPeers> haproxy_peers; ///< and these, which HAProxy is asked for
    std::optional<StatsSocket> haproxy_socket; ///< of HAProxy; nothing: where it usually is
    Demands demands;
    bool log = false;     ///< in HAProxy form: an answer that is another one is logged
    milliseconds keep{0}; ///< how long a keeper keeps a connection; 0: no keepers
    bool by_hand = false; ///< a person asks, who wants to see more than decides

    bool has_peers() const noexcept { return !peers.empty() || haproxy_peers.has_value(); }

    /// Of the certificates and revocation lists, which each connection loads: memory for a
    /// connection is a multiple of it.
    std::uint64_t file_bytes = 0;

    // Of these, connection_subject() makes what a keeper is known by; only if connections are kept.
    std::string file;                     ///< checkpg.conf, empty if there is none
    std::string file_identity;            ///< of what was read
    std::vector<std::string> secrets;     ///< the keywords in `connection` whose values are secret
    bool has_secret_outside_file = false; ///< one of them came from elsewhere, the environment

    /// Every value that is in force and where it came from, own keys included, for people to
    /// read: secrets are masked.
    std::vector<Setting> explained;
};

/// The configuration error for a setting: its origin and key, and what is wrong.
Error bad_setting(const Setting& setting, std::string_view what);

/// The setting of a key, or null if it has no value.
const Setting* find_setting(const std::vector<Setting>& settings, std::string_view key) noexcept;

/// The value of a libpq keyword, empty if it is not set.
std::string_view value_of(const std::vector<Setting>& settings, std::string_view key) noexcept;

/// Sets the value of a libpq keyword, which keeps the origin it had.
void set_value(std::vector<Setting>& settings, std::string_view key, std::string_view value);

/// Built-in defaults, libpq's environment variables, the file's global part, the backend's
/// section and the command line, the later stronger than the earlier. In HAProxy form the
/// port in the arguments is weaker than the file, which may not name another server, and PGHOST,
/// PGHOSTADDR and PGPORT count for nothing. Throws a configuration error that names the key and its
/// origin for an unknown key, a bad value or one that would not count, a usage error if no server
/// is named.
Settings make_settings(std::string_view program, const Invocation& invocation,
                       const std::optional<ConfigFile>& file, const EnvironmentLookup& environment);

} // namespace checkpg
