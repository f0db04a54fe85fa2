"""Looking at processes, and at what they leave in the kernel, through /proc."""

import subprocess


def started(pid):
    """When a process started, in clock ticks since boot: tells it from a later one of its number.

    None if it is gone or a zombie.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] == b"Z" else fields[19]


def catches(pid, number):
    """Whether a process has a handler for a signal."""
    with open(f"/proc/{pid}/status") as status:
        handlers = next(line for line in status if line.startswith("SigCgt:"))
    return bool(int(handlers.split()[1], 16) >> (number - 1) & 1)


def descendants(pid):
    """The living processes below `pid`, itself not among them."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", "rb") as children:
            direct = [int(child) for child in children.read().split()]
    except OSError:
        return []
    return direct + [below for child in direct for below in descendants(child)]


def remove_shared_memory(postmaster_pid_file):
    """Removes the shared memory segment a killed PostgreSQL leaves in the kernel.

    The seventh line of its postmaster.pid names key and number. Does nothing if there is no such
    file or the segment is somebody's.
    """
    try:
        key, number = postmaster_pid_file.read_text().splitlines()[6].split()
    except (OSError, IndexError, ValueError):
        return
    with open("/proc/sysvipc/shm") as segments:
        for fields in map(str.split, segments):
            if fields[:2] == [key, number] and fields[6] == "0":  # nobody is attached
                subprocess.run(["ipcrm", "-m", number], capture_output=True)
