"""Runs a command and writes down the most memory it had resident.

Usage: peak_memory.py FILE COMMAND [ARGUMENT]...: the exit code is the command's, FILE gets a
number of bytes. Linux counts what a process had before exec(2), too: so this program must be much
smaller than pytest, and nothing below its own size (about 10 MB) can be measured.
"""

import os
import sys

pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(pid, 0)
with open(sys.argv[1], "w") as result:
    result.write(str(usage.ru_maxrss * 1024))
sys.exit(os.waitstatus_to_exitcode(status))
