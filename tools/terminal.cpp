#include "terminal.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <stdexcept>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <termios.h>
#include <unistd.h>

namespace {

constexpr std::array ending_signals{SIGINT, SIGTERM, SIGHUP, SIGQUIT};
constexpr std::array other_signals{SIGTSTP, SIGCONT, SIGWINCH};

// What the handlers of signals need, and nothing else can hand it to them.
termios input_before{};
bool input_is_terminal = false;
std::array<int, 2> waker{-1, -1}; ///< a pipe: what is written to the second ends a wait

/// Keys come one by one and are not shown; those that send signals still do.
void take_over() noexcept {
    if (input_is_terminal) {
        termios mode = input_before;
        mode.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
        mode.c_cc[VMIN] = 1;
        mode.c_cc[VTIME] = 0;
        ::tcsetattr(STDIN_FILENO, TCSANOW, &mode);
    }
    (void)write_out(checkpg::enter_screen);
}

void give_back() noexcept {
    (void)write_out(checkpg::leave_screen);
    restore_input();
}

void wake() noexcept { (void)!::write(waker[1], "", 1); }

/// Gives the terminal back, then lets the signal end the program, so that a shell sees what did.
extern "C" void end_by(int signal) {
    give_back();
    std::signal(signal, SIG_DFL);
    ::raise(signal);
}

extern "C" void pause_by(int) {
    const int saved = errno;
    give_back();
    const itimerval never{};
    itimerval watchdog{}; // whose time would pass meanwhile
    ::setitimer(ITIMER_REAL, &never, &watchdog);
    ::raise(SIGSTOP);
    ::setitimer(ITIMER_REAL, &watchdog, nullptr);
    errno = saved;
}

extern "C" void go_on_by(int) {
    const int saved = errno;
    take_over();
    wake();
    errno = saved;
}

extern "C" void resize_by(int) {
    const int saved = errno;
    wake();
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

int milliseconds_until(std::chrono::steady_clock::time_point until) noexcept {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    return left.count() > 0 ? static_cast<int>(left.count()) : 0;
}

} // namespace

void restore_input() noexcept {
    if (input_is_terminal)
        ::tcsetattr(STDIN_FILENO, TCSANOW, &input_before);
}

bool write_out(std::string_view bytes) noexcept {
    while (!bytes.empty()) {
        const auto written = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
        if (written < 0 && errno != EINTR)
            return false;
        bytes.remove_prefix(written > 0 ? static_cast<std::size_t>(written) : 0);
    }
    return true;
}

bool wait_while_heard(std::chrono::steady_clock::time_point until) noexcept {
    pollfd output{STDOUT_FILENO, 0, 0};
    for (;;) {
        const int ready = ::poll(&output, 1, milliseconds_until(until));
        if (ready >= 0 || errno != EINTR)
            return ready == 0;
    }
}

Terminal::Terminal() {
    if (::pipe2(waker.data(), O_CLOEXEC | O_NONBLOCK) != 0)
        throw std::runtime_error{std::strerror(errno)};
    input_is_terminal = ::tcgetattr(STDIN_FILENO, &input_before) == 0;
    for (const int signal : ending_signals)
        handle(signal, end_by);
    handle(SIGTSTP, pause_by);
    handle(SIGCONT, go_on_by);
    handle(SIGWINCH, resize_by);
    take_over();
}

Terminal::~Terminal() {
    give_back();
    for (const int signal : ending_signals)
        handle(signal, SIG_DFL);
    for (const int signal : other_signals)
        handle(signal, SIG_DFL);
    for (int& end : waker) {
        ::close(end);
        end = -1;
    }
}

bool Terminal::has_keys() const noexcept { return input_is_terminal && !input_ended_; }

checkpg::ScreenSize Terminal::size() const noexcept {
    winsize window{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == -1 || window.ws_row == 0 ||
        window.ws_col == 0)
        return {24, 80};
    return {window.ws_row, window.ws_col};
}

bool Terminal::show(std::string_view bytes) noexcept { return write_out(bytes); }

std::string Terminal::wait(std::chrono::steady_clock::time_point until) noexcept {
    std::array<char, 64> typed{};
    std::array<pollfd, 2> ends{
        {{waker[0], POLLIN, 0}, {has_keys() ? STDIN_FILENO : -1, POLLIN, 0}}};
    for (;;) {
        const int ready = ::poll(ends.data(), ends.size(), milliseconds_until(until));
        if (ready < 0 && errno == EINTR)
            continue;
        if (ends[0].revents != 0)
            while (::read(waker[0], typed.data(), typed.size()) > 0) {
            }
        if (ends[1].revents == 0)
            return {};
        const auto got = ::read(STDIN_FILENO, typed.data(), typed.size());
        if (got > 0)
            return {typed.data(), static_cast<std::size_t>(got)};
        input_ended_ = got == 0 || errno != EINTR;
        return {};
    }
}
