#pragma once

#include <unistd.h>
#include <utility>

namespace checkpg {

/// Owns a file descriptor, or -1.
class Descriptor {
public:
    explicit Descriptor(int number) noexcept : number_{number} {}
    Descriptor(Descriptor&& other) noexcept : number_{std::exchange(other.number_, -1)} {}
    Descriptor& operator=(Descriptor&&) = delete;
    ~Descriptor() {
        if (number_ != -1)
            ::close(number_);
    }
    int get() const noexcept { return number_; }

private:
    int number_;
};

} // namespace checkpg
