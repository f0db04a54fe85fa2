/*
 * Runs a command without descriptors to speak of and says what it took. Small and static: Linux
 * counts to a process's peak memory what it had before exec(2), so a Python that started it would
 * hide a check behind itself.
 *
 *   measure COMMAND [ARGUMENT]...    prints: exit code, wall seconds, CPU seconds of it and its
 *                                    children, peak memory of the largest of them in bytes
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(struct timeval time) {
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char** argv) {
    if (argc < 2)
        return 64;
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    double begin = now();
    pid_t child = vfork();
    if (child == 0) {
        for (int descriptor = 0; descriptor < 3; descriptor++)
            dup2(nothing, descriptor);
        execv(argv[1], argv + 1);
        _exit(127);
    }
    int status;
    struct rusage usage;
    if (child < 0 || wait4(child, &status, 0, &usage) != child)
        return 70;
    double end = now();
    printf("%d %.7f %.6f %ld\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
           end - begin, seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss * 1024L);
    return 0;
}
