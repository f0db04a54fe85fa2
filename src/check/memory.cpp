#include "check/memory.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstdlib>
#include <sys/mman.h>
#include <sys/resource.h>

namespace checkpg {

namespace {

constexpr rlim_t base = rlim_t{24} * 1024 * 1024;

/// More than libpq asks for in one piece: it doubles its buffers, and FloodGuard bounds what a
/// server may say.
constexpr std::size_t piece = std::size_t{1024} * 1024;

bool was_refused = false;

void* allocate(std::size_t bytes, const char*, int) {
    void* const memory = std::malloc(bytes);
    was_refused = was_refused || (memory == nullptr && bytes != 0);
    return memory;
}

void* allocate_again(void* memory, std::size_t bytes, const char*, int) {
    void* const moved = std::realloc(memory, bytes);
    was_refused = was_refused || (moved == nullptr && bytes != 0);
    return moved;
}

void release(void* memory, const char*, int) { std::free(memory); }

/// The bound that we were started with.
rlim_t given = RLIM_INFINITY;

} // namespace

void bound_memory() noexcept {
    rlimit limit{};
    if (::getrlimit(RLIMIT_DATA, &limit) == 0)
        given = limit.rlim_cur;
    raise_memory_bound(0);
}

void watch_openssl_memory() noexcept {
    CRYPTO_set_mem_functions(allocate, allocate_again, release);
}

void raise_memory_bound([[maybe_unused]] std::size_t bytes) noexcept {
#ifndef __SANITIZE_ADDRESS__
    rlimit limit{};
    if (::getrlimit(RLIMIT_DATA, &limit) != 0)
        return;
    limit.rlim_cur = std::min<rlim_t>(given, base + bytes);
    ::setrlimit(RLIMIT_DATA, &limit);
#endif
}

bool is_short_of_memory() noexcept {
    void* const memory =
        ::mmap(nullptr, piece, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED)
        ::munmap(memory, piece);
    return was_refused || memory == MAP_FAILED;
}

} // namespace checkpg
