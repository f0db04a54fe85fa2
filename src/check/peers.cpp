#include "check/peers.hpp"

#include "base/error.hpp"
#include "base/units.hpp"
#include "base/words.hpp"
#include "check/settings.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace checkpg {

namespace {

/// Letters, digits, '-', '_' and '.': what HAProxy and DNS allow in a server's name.
bool is_name(std::string_view text) noexcept {
    return is_alphanumeric(text, "-_.") && text.front() != '-';
}

std::optional<Peer> parse_peer(std::string_view text) {
    const auto equals = text.find('=');
    const bool named = equals != std::string_view::npos;
    const HostAndPort place = split_port(named ? text.substr(equals + 1) : text);
    const bool numeric = is_ip_address(place.host);
    Peer peer{std::string{text}, named ? std::string{text.substr(0, equals)} : place.host,
              numeric ? place.host : "", std::string{place.port}};
    const bool bad_port = place.has_port && !parse_port(place.port);
    const bool bad_name = named ? !is_name(peer.host) || !numeric : !numeric && !is_name(peer.host);
    if (bad_port || bad_name)
        return std::nullopt;
    return peer;
}

bool same_place(const Peer& a, const Peer& b) {
    return a.host == b.host && a.address == b.address && a.port == b.port;
}

} // namespace

std::vector<Peer> parse_peers(const Setting& setting) {
    std::vector<Peer> peers;
    for (const std::string& text : words_in(setting.value)) {
        auto peer = parse_peer(text);
        if (!peer)
            throw bad_setting(setting, fmt::format("'{}' is not a server: write address, name, "
                                                   "address:port, [IPv6]:port or name=address:port",
                                                   text));
        for (const Peer& earlier : peers)
            if (same_place(earlier, *peer))
                throw bad_setting(setting, fmt::format("'{}' stands there twice", text));
        if (peers.size() == most_peers)
            throw bad_setting(setting, fmt::format("more than {} servers", most_peers));
        peers.push_back(std::move(*peer));
    }
    return peers;
}

std::vector<Setting> settings_for(const Peer& peer, std::vector<Setting> server) {
    set_value(server, "host", peer.host);
    set_value(server, "hostaddr", peer.address);
    if (!peer.port.empty())
        set_value(server, "port", peer.port);
    return server;
}

bool is_at(const Peer& peer, const std::vector<Setting>& server) {
    const auto address = value_of(server, "hostaddr");
    return !address.empty() && peer.address == address &&
           (peer.port.empty() || peer.port == value_of(server, "port"));
}

} // namespace checkpg
