#include "check/process.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <nss.h>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>
#include <vector>

namespace checkpg {

namespace {

using namespace std::chrono_literals;

/// What the ordinary way to end gets before the watchdog bites.
constexpr Deadline::Clock::duration grace = 25ms;

std::atomic<int> last_code{to_int(ExitCode::timed_out)};
std::atomic<void (*)()> last_act{nullptr};
std::atomic<const char*> last_words{nullptr};
std::atomic<std::size_t> last_words_size{0};
static_assert(std::atomic<const char*>::is_always_lock_free && // the handler reads them
              std::atomic<void (*)()>::is_always_lock_free);

/// Whoever should read it may have stopped or gone: the process must end all the same, with its
/// code.
void say_last_words() noexcept {
    const char* const text = last_words;
    pollfd out{STDOUT_FILENO, POLLOUT, 0};
    if (text == nullptr || ::poll(&out, 1, 0) != 1 || (out.revents & POLLERR) != 0)
        return;
    [[maybe_unused]] const auto written = ::write(STDOUT_FILENO, text, last_words_size);
}

/// Both ends included; nothing if they cross. Linux before 5.9 doesn't know close_range(2).
void close_from_to(unsigned first, unsigned last) noexcept {
    if (first > last || ::close_range(first, last, 0) == 0)
        return;
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const auto end = std::min<rlim_t>(limit.rlim_cur, rlim_t{last} + 1);
    for (rlim_t descriptor = first; descriptor < end; ++descriptor)
        ::close(static_cast<int>(descriptor));
}

extern "C" void end_now(int) {
    if (auto* const act = last_act.load())
        act();
    say_last_words();
    ::_exit(last_code);
}

} // namespace

void keep_to_ourselves() noexcept {
    ::setenv("HOME", "/nonexistent", 1);
    ::unsetenv("SSL_CERT_FILE");
    ::unsetenv("SSL_CERT_DIR");
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

void leave_no_core() noexcept {
    rlimit limit{};
    ::getrlimit(RLIMIT_CORE, &limit);
    limit.rlim_cur = 0;
    ::setrlimit(RLIMIT_CORE, &limit);
#ifndef __SANITIZE_ADDRESS__     // which looks for leaks as a debugger would
    ::prctl(PR_SET_DUMPABLE, 0); // a core_pattern that is a pipe knows no limit
#endif
}

void set_last_code(ExitCode code) noexcept { last_code = to_int(code); }

void set_last_act(void (*act)()) noexcept { last_act = act; }

void set_last_words(std::string_view text) noexcept {
    last_words_size = text.size();
    last_words = text.data();
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

void stop_watchdog() noexcept {
    const itimerval never{};
    ::setitimer(ITIMER_REAL, &never, nullptr);
}

void close_all_but(std::array<int, 3> kept) noexcept {
    std::sort(kept.begin(), kept.end());
    unsigned next = 0;
    for (const int descriptor : kept) {
        if (descriptor == -1)
            continue;
        close_from_to(next, static_cast<unsigned>(descriptor) - 1);
        next = static_cast<unsigned>(descriptor) + 1;
    }
    close_from_to(next, ~0U);
}

int open_process(pid_t process) noexcept {
    return static_cast<int>(::syscall(SYS_pidfd_open, process, 0));
}

bool reset_signals() noexcept {
    sigset_t none{};
    ::sigemptyset(&none);
    for (int number = 1; number < NSIG; ++number)
        ::signal(number, SIG_DFL); // fails for those that can't be changed
    return ::sigprocmask(SIG_SETMASK, &none, nullptr) == 0;
}

} // namespace checkpg
