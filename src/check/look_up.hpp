#pragma once

#include "check/failure.hpp"
#include "check/settings.hpp"

#include <memory>
#include <variant>
#include <vector>

namespace checkpg {

/// Whether these settings name a host that must be looked up before libpq gets them: libpq would
/// do it itself, blocking.
bool needs_look_up(const std::vector<Setting>& settings) noexcept;

/// The look-up of one server's host name in /etc/hosts and the DNS. It runs beside everything
/// else, in a thread of glibc's (getaddrinfo_a(3)); whoever owns it asks done() now and then. If
/// destroyed before, the look-up is left to itself.
class LookUp {
public:
    /// Begins. needs_look_up(settings) must hold.
    explicit LookUp(std::vector<Setting> settings);

    bool done() const noexcept;

    /// The settings with all the name's addresses, as lists of libpq's (it tries one after the
    /// other), or a failure: unreachable if there are none, internal if the look-up could not be
    /// begun. Only when done, once.
    std::variant<std::vector<Setting>, Failure> result();

    /// The failure of a look-up that isn't done in time.
    Failure overdue() const;

private:
    struct Request;
    struct Abandon {
        void operator()(Request* request) const noexcept;
    };

    std::vector<Setting> settings_;
    std::unique_ptr<Request, Abandon> request_;
};

} // namespace checkpg
