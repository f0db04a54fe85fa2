#include "resolve.hpp"

#include <fmt/format.h>

#include <array>
#include <memory>
#include <netdb.h>
#include <pthread.h>

namespace checkpg {

namespace {

constexpr std::size_t small_stack = 256 * 1024;

struct LookUp {
    std::size_t server; ///< its place in the list
    std::string name;
    gaicb request{};
};

void set(std::vector<Setting>& settings, std::string_view key, std::string value) {
    for (Setting& setting : settings)
        if (setting.key == key) {
            setting.value = std::move(value);
            return;
        }
    settings.push_back({std::string{key}, std::move(value), "host name look-up"});
}

bool needs_look_up(const std::vector<Setting>& settings) noexcept {
    const auto host = value_of(settings, "host");
    return value_of(settings, "hostaddr").empty() && !host.empty() && host.front() != '/' &&
           host.front() != '@';
}

/// getaddrinfo(3) can't be given a deadline; getaddrinfo_a(3) asks in threads of its own, which
/// must fit in the memory that the process may have.
void begin(std::vector<std::unique_ptr<LookUp>>& look_ups) {
    static addrinfo hints{}; // read by the threads: must outlive this call
    hints.ai_socktype = SOCK_STREAM;
    pthread_attr_t attributes{};
    ::pthread_attr_init(&attributes);
    ::pthread_attr_setstacksize(&attributes, small_stack);
    ::pthread_setattr_default_np(&attributes);
    ::pthread_attr_destroy(&attributes);
    std::vector<gaicb*> requests;
    for (const auto& look_up : look_ups) {
        look_up->request.ar_name = look_up->name.c_str();
        look_up->request.ar_request = &hints;
        requests.push_back(&look_up->request);
    }
    ::getaddrinfo_a(GAI_NOWAIT, requests.data(), static_cast<int>(requests.size()), nullptr);
}

int wait_for(const LookUp& look_up, Deadline deadline) {
    const gaicb* const request = &look_up.request;
    while (::gai_error(const_cast<gaicb*>(request)) == EAI_INPROGRESS && !deadline.passed()) {
        const auto left =
            std::chrono::duration_cast<std::chrono::nanoseconds>(deadline.remaining());
        const timespec limit{.tv_sec = left.count() / 1'000'000'000,
                             .tv_nsec = left.count() % 1'000'000'000};
        ::gai_suspend(&request, 1, &limit);
    }
    return ::gai_error(const_cast<gaicb*>(request));
}

std::vector<std::string> addresses_of(const addrinfo* list) {
    std::vector<std::string> addresses;
    for (; list != nullptr; list = list->ai_next) {
        std::array<char, NI_MAXHOST> text{};
        if (::getnameinfo(list->ai_addr, list->ai_addrlen, text.data(), text.size(), nullptr, 0,
                          NI_NUMERICHOST) == 0)
            addresses.emplace_back(text.data());
    }
    return addresses;
}

/// libpq takes as many hosts as addresses (manual, section 34.1.1.3).
void set_addresses(std::vector<Setting>& settings, const std::vector<std::string>& addresses) {
    const std::vector<std::string> hosts(addresses.size(), std::string{value_of(settings, "host")});
    set(settings, "host", fmt::format("{}", fmt::join(hosts, ",")));
    set(settings, "hostaddr", fmt::format("{}", fmt::join(addresses, ",")));
}

void finish(LookUp& look_up, Resolved& server, Deadline deadline) {
    const int error = wait_for(look_up, deadline);
    if (error == EAI_INPROGRESS) {
        server = Failure{ExitCode::timed_out, "",
                         fmt::format("waited for the address of '{}'", look_up.name)};
        return;
    }
    const auto addresses = addresses_of(error == 0 ? look_up.request.ar_result : nullptr);
    if (addresses.empty()) {
        server = Failure{
            ExitCode::unreachable, "",
            fmt::format("no address for the name '{}': {}", look_up.name, ::gai_strerror(error))};
        return;
    }
    set_addresses(std::get<std::vector<Setting>>(server), addresses);
    ::freeaddrinfo(look_up.request.ar_result);
}

} // namespace

std::vector<Resolved> resolve(std::vector<std::vector<Setting>> servers, Deadline deadline) {
    std::vector<Resolved> resolved;
    std::vector<std::unique_ptr<LookUp>> look_ups;
    for (auto& settings : servers) {
        if (needs_look_up(settings))
            look_ups.push_back(std::make_unique<LookUp>(
                LookUp{resolved.size(), std::string{value_of(settings, "host")}}));
        resolved.emplace_back(std::move(settings));
    }
    if (look_ups.empty())
        return resolved;
    begin(look_ups);
    for (auto& look_up : look_ups) {
        finish(*look_up, resolved[look_up->server], deadline);
        if (::gai_error(&look_up->request) == EAI_INPROGRESS)
            static_cast<void>(look_up.release()); // a thread still works on it: never to be freed
    }
    return resolved;
}

} // namespace checkpg
