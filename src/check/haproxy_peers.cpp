#include "check/haproxy_peers.hpp"

#include "base/printable.hpp"
#include "base/units.hpp"
#include "base/words.hpp"
#include "check/settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace checkpg {

namespace {

using Fields = std::vector<std::string_view>;

constexpr std::size_t quoted_at_most = 80;
constexpr std::string_view list_version = "1";
constexpr std::string_view header_sign = "# ";

std::string in_quotes(std::string_view text) {
    return fmt::format("'{}'", printable(text, quoted_at_most));
}

/// HAProxy lets names be of these. Anything else in a command could be another command.
bool is_haproxy_name(std::string_view text) noexcept { return is_alphanumeric(text, "-_.:"); }

/// Takes one line, without its line feed, from the start of the text.
std::string_view take_line(std::string_view& text) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos)
        throw HaproxyError{text.empty() ? "HAProxy's list of servers breaks off before its end"
                                        : "HAProxy's list of servers breaks off within a line"};
    const auto line = text.substr(0, end);
    text.remove_prefix(end + 1);
    return line;
}

/// Two blanks have an empty field between them.
Fields fields_of(std::string_view line) {
    Fields fields;
    for (auto blank = line.find(' '); blank != std::string_view::npos; blank = line.find(' ')) {
        fields.push_back(line.substr(0, blank));
        line.remove_prefix(blank + 1);
    }
    fields.push_back(line);
    return fields;
}

/// Reads the lines of a list by the names in its header.
class ServerLines {
public:
    ServerLines(std::string_view header, const HaproxyPeers& wanted) : wanted_{wanted} {
        if (!header.starts_with(header_sign))
            throw HaproxyError{
                fmt::format("HAProxy's list of servers has no header, but {}", in_quotes(header))};
        const Fields names = fields_of(header.substr(header_sign.size()));
        for (std::size_t column = 0; column < names_.size(); ++column) {
            const auto found = std::find(names.begin(), names.end(), names_[column]);
            if (found == names.end())
                throw HaproxyError{
                    fmt::format("HAProxy's list of servers has no column '{}'", names_[column])};
            positions_[column] = static_cast<std::size_t>(found - names.begin());
        }
    }

    Peer peer(std::string_view line) const {
        const Fields fields = fields_of(line);
        if (fields.size() <= *std::max_element(positions_.begin(), positions_.end()))
            throw HaproxyError{fmt::format("no line of HAProxy's list: {}", in_quotes(line))};
        const auto field = [&](Column column) { return fields[positions_[column]]; };
        if (field(be_name) != wanted_.backend)
            throw HaproxyError{fmt::format("asked for the servers of backend {}, HAProxy tells of "
                                           "backend {}",
                                           wanted_.backend,
                                           printable(field(be_name), quoted_at_most))};
        if (!is_haproxy_name(field(srv_name)))
            throw HaproxyError{
                fmt::format("{} is no name of a server", in_quotes(field(srv_name)))};
        return make_peer(std::string{field(srv_name)}, std::string{field(srv_addr)},
                         field(srv_port));
    }

private:
    enum Column : std::size_t { be_name, srv_name, srv_addr, srv_port };

    /// HAProxy shows no address of a UNIX socket, and none or an unspecified one while a name is
    /// not resolved.
    Peer make_peer(std::string name, std::string address, std::string_view port) const {
        if (!is_ip_address(address) || address == "0.0.0.0" || address == "::")
            throw HaproxyError{fmt::format("HAProxy has no address for its server {}: its name is "
                                           "not resolved, or it is a UNIX socket",
                                           name)};
        if (port != "0" && !parse_port(port))
            throw HaproxyError{
                fmt::format("the port {} of server {} is none", in_quotes(port), name)};
        Peer peer;
        peer.port = wanted_.port.empty() && port != "0" ? std::string{port} : wanted_.port;
        const bool bracketed = !peer.port.empty() && address.find(':') != std::string::npos;
        peer.text = fmt::format("{}={}{}{}{}{}", name, bracketed ? "[" : "", address,
                                bracketed ? "]" : "", peer.port.empty() ? "" : ":", peer.port);
        peer.host = std::move(name);
        peer.address = std::move(address);
        return peer;
    }

    static constexpr std::array<std::string_view, 4> names_{"be_name", "srv_name", "srv_addr",
                                                            "srv_port"};
    const HaproxyPeers& wanted_;
    std::array<std::size_t, names_.size()> positions_{};
};

void refuse_another_haproxy(const std::vector<Peer>& peers, const HaproxyPeers& wanted) {
    if (!wanted.checked.empty() && std::none_of(peers.begin(), peers.end(), [&](const Peer& peer) {
            return peer.address == wanted.checked;
        }))
        throw HaproxyError{fmt::format("backend {} has no server at {}: it is another HAProxy's",
                                       wanted.backend, wanted.checked)};
}

std::vector<Peer> ask(const HaproxyPeers& wanted, Deadline deadline) {
    if (!is_haproxy_name(wanted.backend))
        throw HaproxyError{fmt::format("{} is no name of a backend", in_quotes(wanted.backend))};
    const StatsSocket socket = wanted.socket ? *wanted.socket : find_stats_socket("haproxy-socket");
    return naming(socket, [&] {
        const auto command = fmt::format("show servers state {}", wanted.backend);
        auto peers = parse_servers_state(ask_haproxy(socket, command, deadline), wanted);
        refuse_another_haproxy(peers, wanted);
        return peers;
    });
}

} // namespace

std::vector<Peer> parse_servers_state(std::string_view answer, const HaproxyPeers& wanted) {
    if (answer.empty())
        throw HaproxyError{"HAProxy closed the connection without an answer"};
    const auto version = answer.substr(0, answer.find('\n'));
    if (version != list_version)
        throw HaproxyError{fmt::format("no list of the servers in backend {}: the answer is {}",
                                       wanted.backend, in_quotes(version))};
    take_line(answer);
    const ServerLines lines{take_line(answer), wanted};
    std::vector<Peer> peers;
    for (auto line = take_line(answer); !line.empty(); line = take_line(answer)) {
        if (peers.size() == most_peers)
            throw HaproxyError{
                fmt::format("more than {} servers in backend {}", most_peers, wanted.backend)};
        peers.push_back(lines.peer(line));
    }
    if (!answer.empty())
        throw HaproxyError{"HAProxy's list of servers goes on behind its end"};
    if (peers.empty())
        throw HaproxyError{fmt::format("no server in backend {}", wanted.backend)};
    return peers;
}

std::vector<Peer> find_peers(const Settings& settings, Deadline deadline) {
    std::vector<Peer> peers = settings.peers;
    if (settings.haproxy_peers) {
        const Deadline for_haproxy = earlier(deadline, Deadline::in(settings.peer_timeout));
        auto more = ask(*settings.haproxy_peers, for_haproxy);
        std::move(more.begin(), more.end(), std::back_inserter(peers));
    }
    return peers;
}

} // namespace checkpg
