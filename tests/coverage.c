/* Part of every executable of the preset `coverage`: at the end of a process libgcov writes the
 * counts, and the tests must see nothing of it. */
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

/* A watchdog or a SIGTERM meanwhile would leave half a file, which spoils all counts before it. */
static void hold_signals(void) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
}

/* Where a process may not write, libgcov says so on standard error. */
static void drop_messages(void) {
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere != -1) {
        dup2(nowhere, STDERR_FILENO);
        close(nowhere);
    }
}

__attribute__((destructor)) static void before_counts_are_written(void) {
    hold_signals();
    drop_messages();
}
