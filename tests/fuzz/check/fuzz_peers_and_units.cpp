#include "base/error.hpp"
#include "base/printable.hpp"
#include "base/units.hpp"
#include "check/peers.hpp"
#include "check/settings.hpp"
#include "check/sqlstate.hpp"
#include "expect.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace {

constexpr std::size_t longest_line = 410;

void read_units(std::string_view text) {
    if (const auto size = checkpg::parse_size(text))
        EXPECT(checkpg::parse_size(checkpg::format_size(*size)) == size);
    if (const auto duration = checkpg::parse_duration(text)) {
        EXPECT(duration->count() >= 0);
        EXPECT(checkpg::parse_duration(checkpg::format_duration(*duration)) == duration);
    }
    if (const auto port = checkpg::parse_port(text)) {
        EXPECT(*port > 0);
        EXPECT(text.find_first_not_of("0123456789") == std::string_view::npos);
    }
    if (checkpg::parse_boolean(text))
        EXPECT(text.size() <= 5);
}

bool same(const checkpg::Peer& a, const checkpg::Peer& b) {
    return a.text == b.text && a.host == b.host && a.address == b.address && a.port == b.port;
}

void read_peers(std::string_view text) try {
    const auto peers = checkpg::parse_peers({"peers", std::string{text}, "here"});
    EXPECT(peers.size() <= checkpg::most_peers);
    std::string again;
    for (const auto& peer : peers) {
        EXPECT(!peer.host.empty());
        EXPECT(peer.address.empty() || checkpg::is_ip_address(peer.address));
        EXPECT(peer.port.empty() || checkpg::parse_port(peer.port));
        again += peer.text + ", ";
        const auto settings = checkpg::settings_for(peer, {});
        EXPECT(checkpg::value_of(settings, "host") == peer.host);
        if (!peer.address.empty() && !peer.port.empty())
            EXPECT(checkpg::is_at(peer, settings));
    }
    const auto reread = checkpg::parse_peers({"peers", again, "here"});
    EXPECT(std::equal(peers.begin(), peers.end(), reread.begin(), reread.end(), same));
} catch (const checkpg::Error& error) {
    EXPECT(error.code() == checkpg::ExitCode::configuration);
    EXPECT(std::string_view{error.what()}.find("here: peers ") == 0);
}

bool is_control(char c) { return (c >= 0 && c < ' ') || c == '\x7f'; }

/// The first line is the secret, what follows is what a server says.
void read_messages(std::string_view text) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view secret = text.substr(0, end);
    const std::string_view message = text.substr(std::min(end + 1, text.size()));

    const auto error = checkpg::take_apart(message);
    EXPECT(error.sqlstate.empty() || error.sqlstate.size() == 5);
    EXPECT(error.sqlstate.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
           std::string::npos);
    EXPECT(error.text.find('\n') == std::string::npos);
    static_cast<void>(checkpg::code_of_sqlstate(error.sqlstate));

    const auto shown = checkpg::printable_line(message, secret);
    EXPECT(shown.size() < longest_line);
    EXPECT(std::none_of(shown.begin(), shown.end(), is_control));
    // Stars stand for the secret and '?' for a control character: a secret of
    // these may seem to be there.
    if (!secret.empty() && secret.find_first_of("*?.") == std::string_view::npos)
        EXPECT(shown.find(secret) == std::string::npos);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    read_units(text);
    read_peers(text);
    read_messages(text);
    return 0;
}
