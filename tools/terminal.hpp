#pragma once

#include "routes/screen.hpp"

#include <string_view>

/// Standard output as a terminal that shows a screen of our own while this object lives. Whatever
/// ends or stops the program by a signal (Ctrl-C, Ctrl-Z, kill) gives the terminal back as it was.
class Terminal {
public:
    /// Takes over the terminal. There may be one object at a time.
    Terminal();
    ~Terminal();
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    /// The size now, 24 by 80 if the terminal doesn't say.
    checkpg::ScreenSize size() const noexcept;

    /// Shows these bytes. False if they can't be written.
    [[nodiscard]] bool show(std::string_view bytes) noexcept;
};

/// Writes all of `bytes` to standard output. False if that fails.
[[nodiscard]] bool write_out(std::string_view bytes) noexcept;
