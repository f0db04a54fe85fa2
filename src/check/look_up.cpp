#include "check/look_up.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <netdb.h>
#include <pthread.h>

namespace checkpg {

namespace {

/// Must fit, with those of other look-ups, in the memory that the process may have.
constexpr std::size_t stack_size = std::size_t{256} * 1024;

void use_small_stacks() noexcept {
    pthread_attr_t attributes{};
    ::pthread_attr_init(&attributes);
    ::pthread_attr_setstacksize(&attributes, stack_size);
    ::pthread_setattr_default_np(&attributes);
    ::pthread_attr_destroy(&attributes);
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

} // namespace

/// What the thread works on: must stay where it is until the thread has done.
struct LookUp::Request {
    std::string name;
    addrinfo hints{};
    gaicb control{};
    bool begun = false;
};

void LookUp::Abandon::operator()(Request* request) const noexcept {
    if (request->begun && ::gai_error(&request->control) == EAI_INPROGRESS)
        return; // a thread still writes to it: it must never be freed
    if (request->control.ar_result != nullptr)
        ::freeaddrinfo(request->control.ar_result);
    delete request;
}

bool needs_look_up(const std::vector<Setting>& settings) noexcept {
    const auto host = value_of(settings, "host");
    return value_of(settings, "hostaddr").empty() && !host.empty() && host.front() != '/' &&
           host.front() != '@';
}

LookUp::LookUp(std::vector<Setting> settings)
    : settings_{std::move(settings)}, request_{new Request} {
    use_small_stacks();
    request_->name = value_of(settings_, "host");
    request_->hints.ai_socktype = SOCK_STREAM;
    request_->control.ar_name = request_->name.c_str();
    request_->control.ar_request = &request_->hints;
    gaicb* list = &request_->control;
    request_->begun = ::getaddrinfo_a(GAI_NOWAIT, &list, 1, nullptr) == 0;
}

bool LookUp::done() const noexcept {
    return !request_->begun || ::gai_error(&request_->control) != EAI_INPROGRESS;
}

std::variant<std::vector<Setting>, Failure> LookUp::result() {
    if (!request_->begun)
        return Failure{ExitCode::internal, "",
                       fmt::format("no thread or memory to look the name '{}' up", request_->name)};
    const int error = ::gai_error(&request_->control);
    const auto addresses = addresses_of(error == 0 ? request_->control.ar_result : nullptr);
    if (addresses.empty())
        return Failure{
            ExitCode::unreachable, "",
            fmt::format("no address for the name '{}': {}", request_->name, ::gai_strerror(error))};
    const std::vector<std::string> hosts(addresses.size(), request_->name);
    set_value(settings_, "host", fmt::format("{}", fmt::join(hosts, ",")));
    set_value(settings_, "hostaddr", fmt::format("{}", fmt::join(addresses, ",")));
    return std::move(settings_);
}

Failure LookUp::overdue() const {
    return {ExitCode::timed_out, "", fmt::format("waited for the address of '{}'", request_->name)};
}

} // namespace checkpg
