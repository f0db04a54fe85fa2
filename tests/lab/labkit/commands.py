"""Running the system's own tools, with errors a person can act on."""

import subprocess


class LabError(Exception):
    """One sentence about what is wrong and what to do."""


def run(*command, timeout=60, check=True, **options):
    """Runs a command and returns what it printed on stdout; LabError with its own words if it fails."""
    words = [str(word) for word in command]
    options.setdefault("stdin", None if "input" in options else subprocess.DEVNULL)
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace",
                              timeout=timeout, check=False, **options)
    except FileNotFoundError:
        raise LabError(f"{words[0]} is not installed: tests/install-packages lab") from None
    except subprocess.TimeoutExpired as expired:
        raise LabError(f"{' '.join(words)} did not end within {timeout} seconds") from expired
    if check and done.returncode:
        said = (done.stdout + done.stderr).strip()[-3000:]
        raise LabError(f"{' '.join(words)} failed ({done.returncode}): {said}")
    return done.stdout


def succeeds(*command, **options):
    """Whether the command ends with 0."""
    try:
        run(*command, **options)
    except LabError:
        return False
    return True
