#pragma once

#include "routes/screen.hpp"

#include <chrono>
#include <string>
#include <string_view>

/// Standard output as a terminal that shows a screen of our own while this object lives, and
/// standard input, if it is one too, as its keys: they come one by one and are not shown. Whatever
/// ends or stops the program by a signal (Ctrl-C, Ctrl-Z, kill) gives the terminal back as it was;
/// whatever makes it go on takes it over again.
class Terminal {
public:
    /// Takes over the terminal. There may be one object at a time. Throws std::runtime_error if
    /// this process has no descriptor left.
    Terminal();
    ~Terminal();
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    /// Whether there are keys to wait for.
    bool has_keys() const noexcept;

    /// The size now, 24 by 80 if the terminal doesn't say.
    checkpg::ScreenSize size() const noexcept;

    /// Shows these bytes. False if they can't be written.
    [[nodiscard]] bool show(std::string_view bytes) noexcept;

    /// What was typed. Nothing at `until`, or before if all is to be shown anew: the size has
    /// changed, or the program was stopped.
    std::string wait(std::chrono::steady_clock::time_point until) noexcept;

private:
    bool input_ended_ = false;
};

/// Gives standard input its modes back, if a Terminal has changed them. A handler of signals may
/// call it.
void restore_input() noexcept;

/// Writes all of `bytes` to standard output. False if that fails.
[[nodiscard]] bool write_out(std::string_view bytes) noexcept;

/// Waits until then. False, and at once, if meanwhile nobody is left who could read what is written
/// to standard output, a pipe or a socket: poll(2), POLLERR.
[[nodiscard]] bool wait_while_heard(std::chrono::steady_clock::time_point until) noexcept;
