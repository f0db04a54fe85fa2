#include "check.hpp"

namespace checkpg {

Check check_server(Role wanted, const Settings& settings, Deadline deadline) {
    Check check{std::move(ask_servers({settings.connection}, deadline).front()), {}};
    check.verdict = judge(wanted, check.server);
    return check;
}

} // namespace checkpg
