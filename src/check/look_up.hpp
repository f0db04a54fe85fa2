#pragma once

#include "check/failure.hpp"
#include "check/settings.hpp"

#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace checkpg {

/// Whether these settings name a host that must be looked up before libpq gets them: libpq would
/// do it itself, blocking.
bool needs_look_up(const std::vector<Setting>& settings) noexcept;

/// The settings, leading to these addresses of the host that they name. libpq tries one after the
/// other.
std::vector<Setting> settings_at(std::vector<Setting> settings,
                                 const std::vector<std::string>& addresses);

/// The look-up of a host name in /etc/hosts and the DNS. It runs beside everything else, in a
/// thread of glibc's (getaddrinfo_a(3)); whoever owns it asks done() now and then. If destroyed
/// before, the look-up is left to itself.
class LookUp {
public:
    /// Begins.
    explicit LookUp(std::string name);

    bool done() const noexcept;

    /// The name's addresses, at least one, without those of a family that this machine doesn't
    /// have; or a failure with what is known by it. Only when done.
    std::variant<std::vector<std::string>, Failure> result() const;

    /// The failure of a look-up that isn't done in time.
    Failure overdue() const;

private:
    struct Request;
    struct Abandon {
        void operator()(Request* request) const noexcept;
    };

    std::unique_ptr<Request, Abandon> request_;
};

} // namespace checkpg
