#include "terminal.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

namespace {

constexpr std::array ending_signals{SIGINT, SIGTERM, SIGHUP, SIGQUIT};

/// Gives the terminal back, then lets the signal end the program, so that a shell sees what did.
extern "C" void end_by(int signal) {
    (void)write_out(checkpg::leave_screen);
    std::signal(signal, SIG_DFL);
    ::raise(signal);
}

extern "C" void pause_by(int) {
    const int saved = errno;
    (void)write_out(checkpg::leave_screen);
    const itimerval never{};
    itimerval watchdog{}; // whose time would pass meanwhile
    ::setitimer(ITIMER_REAL, &never, &watchdog);
    ::raise(SIGSTOP);
    ::setitimer(ITIMER_REAL, &watchdog, nullptr);
    (void)write_out(checkpg::enter_screen);
    errno = saved;
}

/// A signal that the caller has set to be ignored (nohup) stays ignored.
void handle(int signal, void (*handler)(int)) noexcept {
    struct sigaction old {};
    ::sigaction(signal, nullptr, &old);
    if (old.sa_handler == SIG_IGN)
        return;
    struct sigaction action {};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART | SA_NODEFER;
    ::sigaction(signal, &action, nullptr);
}

} // namespace

bool write_out(std::string_view bytes) noexcept {
    while (!bytes.empty()) {
        const auto written = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
        if (written < 0 && errno != EINTR)
            return false;
        bytes.remove_prefix(written > 0 ? static_cast<std::size_t>(written) : 0);
    }
    return true;
}

Terminal::Terminal() {
    for (const int signal : ending_signals)
        handle(signal, end_by);
    handle(SIGTSTP, pause_by);
    (void)show(checkpg::enter_screen);
}

Terminal::~Terminal() {
    (void)show(checkpg::leave_screen);
    for (const int signal : ending_signals)
        handle(signal, SIG_DFL);
    handle(SIGTSTP, SIG_DFL);
}

checkpg::ScreenSize Terminal::size() const noexcept {
    winsize window{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == -1 || window.ws_row == 0 ||
        window.ws_col == 0)
        return {24, 80};
    return {window.ws_row, window.ws_col};
}

bool Terminal::show(std::string_view bytes) noexcept { return write_out(bytes); }
