#include "check/process.hpp"

#include "base/exit_code.hpp"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <nss.h>
#include <string>
#include <string_view>
#include <sys/time.h>
#include <unistd.h>
#include <vector>

namespace checkpg {

namespace {

using namespace std::chrono_literals;

/// What the ordinary way to end gets before the watchdog bites.
constexpr Deadline::Clock::duration grace = 25ms;

extern "C" void end_now(int) { ::_exit(to_int(ExitCode::timed_out)); }

} // namespace

void keep_to_ourselves() noexcept {
    ::setenv("HOME", "/nonexistent", 0);
#ifdef CHECKPG_STATIC
    ::setenv("OPENSSL_CONF", "/nonexistent", 1);
    ::__nss_configure_lookup("hosts", "files dns");
    ::__nss_configure_lookup("passwd", "files");
#endif
}

void hide_environment_from_libpq() {
    std::vector<std::string> names;
    for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable)
        if (const std::string_view text{*variable}; text.substr(0, 2) == "PG")
            names.emplace_back(text.substr(0, text.find('=')));
    for (const std::string& name : names)
        ::unsetenv(name.c_str());
}

bool has_descriptors(std::size_t number) {
    std::vector<int> opened;
    opened.reserve(number);
    while (opened.size() < number) {
        const int descriptor = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
        if (descriptor == -1)
            break;
        opened.push_back(descriptor);
    }
    for (const int descriptor : opened)
        ::close(descriptor);
    return opened.size() == number;
}

bool start_watchdog(Deadline deadline) noexcept {
    struct sigaction action {};
    action.sa_handler = end_now;
    sigset_t signals{};
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGALRM);
    const auto span =
        std::chrono::duration_cast<std::chrono::microseconds>(deadline.remaining() + grace);
    const itimerval once{
        .it_interval = {},
        .it_value = {.tv_sec = span.count() / 1'000'000, .tv_usec = span.count() % 1'000'000}};
    return ::sigaction(SIGALRM, &action, nullptr) == 0 &&
           ::sigprocmask(SIG_UNBLOCK, &signals, nullptr) == 0 &&
           ::setitimer(ITIMER_REAL, &once, nullptr) == 0;
}

} // namespace checkpg
