#include "check/look_up.hpp"

#include "check/objection.hpp"
#include "check/target.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

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

/// A machine without IPv6, or with IPv6 turned off, may well be given IPv6 addresses: those are no
/// way to a server. No packet is sent.
bool has_source_for(const addrinfo& there) noexcept {
    const int socket = ::socket(there.ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const bool has = socket != -1 && ::connect(socket, there.ai_addr, there.ai_addrlen) == 0;
    const int error = errno;
    if (socket != -1)
        ::close(socket);
    return has ||
           !(error == EAFNOSUPPORT || (error == EADDRNOTAVAIL && there.ai_family == AF_INET6));
}

/// The C library can't tell a name that doesn't exist from files that it couldn't open.
bool can_look_up() noexcept {
    for (const char* const file : {"/etc/hosts", "/etc/resolv.conf"}) {
        const int descriptor = ::open(file, O_RDONLY | O_CLOEXEC);
        if (descriptor == -1 && errno != ENOENT)
            return false;
        if (descriptor != -1)
            ::close(descriptor);
    }
    return true;
}

/// None at all if one of them can't be read.
std::vector<std::string> addresses_of(const addrinfo* list) {
    std::vector<std::string> addresses;
    for (; list != nullptr; list = list->ai_next) {
        std::array<char, NI_MAXHOST> text{};
        if (!has_source_for(*list))
            continue;
        if (::getnameinfo(list->ai_addr, list->ai_addrlen, text.data(), text.size(), nullptr, 0,
                          NI_NUMERICHOST) != 0)
            return {};
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
    return value_of(settings, "hostaddr").empty() && !host.empty() && !is_socket_directory(host);
}

std::vector<Setting> settings_at(std::vector<Setting> settings,
                                 const std::vector<std::string>& addresses) {
    const std::vector<std::string_view> hosts(addresses.size(), value_of(settings, "host"));
    set_value(settings, "host", fmt::format("{}", fmt::join(hosts, ",")));
    set_value(settings, "hostaddr", fmt::format("{}", fmt::join(addresses, ",")));
    return settings;
}

LookUp::LookUp(std::string name) : request_{new Request} {
    use_small_stacks();
    request_->name = std::move(name);
    request_->hints.ai_socktype = SOCK_STREAM;
    request_->control.ar_name = request_->name.c_str();
    request_->control.ar_request = &request_->hints;
    gaicb* list = &request_->control;
    request_->begun = ::getaddrinfo_a(GAI_NOWAIT, &list, 1, nullptr) == 0;
}

bool LookUp::done() const noexcept {
    return !request_->begun || ::gai_error(&request_->control) != EAI_INPROGRESS;
}

std::variant<std::vector<std::string>, Failure> LookUp::result() const {
    if (!request_->begun)
        return Failure{ExitCode::internal, "",
                       fmt::format("no thread or memory to look the name '{}' up", request_->name)};
    const int error = ::gai_error(&request_->control);
    if (error != 0)
        return Failure{
            ExitCode::unreachable, "",
            fmt::format("no address for the name '{}': {}", request_->name, ::gai_strerror(error)),
            can_look_up() ? sign_of_look_up(error) : Sign::none};
    auto addresses = addresses_of(request_->control.ar_result);
    if (addresses.empty())
        return Failure{ExitCode::unreachable, "",
                       fmt::format("no address for the name '{}' that this machine can connect to",
                                   request_->name)};
    return addresses;
}

Failure LookUp::overdue() const {
    return {ExitCode::timed_out, "", fmt::format("waited for the address of '{}'", request_->name)};
}

} // namespace checkpg
