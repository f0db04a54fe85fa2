#include "base/units.hpp"
#include "check/haproxy_peers.hpp"
#include "check/settings.hpp"
#include "expect.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace {

/// What is accepted can be asked, every one of them.
void read_list(std::string_view answer) {
    const auto peers = checkpg::parse_servers_state(answer, {"PostgresReadWrite-backend", "", ""});
    EXPECT(!peers.empty());
    EXPECT(peers.size() <= checkpg::most_peers);
    EXPECT(answer.substr(answer.size() - 2) == "\n\n");
    for (const auto& peer : peers) {
        EXPECT(!peer.host.empty() && peer.host.find_first_of("/@, \n") == std::string::npos);
        EXPECT(checkpg::is_ip_address(peer.address));
        EXPECT(peer.port.empty() || checkpg::parse_port(peer.port));
        const checkpg::Setting list{"peers", peer.text, "here"};
        if (peer.host.find(':') == std::string::npos && peer.host.front() != '-')
            EXPECT(checkpg::parse_peers(list).front().address == peer.address);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        read_list({reinterpret_cast<const char*>(data), size});
    } catch (const checkpg::HaproxyError&) {
        // how all that is no list of this backend's servers should end
    }
    return 0;
}
