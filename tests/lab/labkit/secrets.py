"""The lab's passwords: made anew for each lab, in files only root can read."""

import secrets

from .places import STATE

_NAMES = ("postgres", "replicator", "checkpg", "checkpg2", "app", "vault")


def make():
    """One file per password, kept if it is there."""
    directory = STATE / "secrets"
    directory.mkdir(mode=0o700, exist_ok=True)
    for name in _NAMES:
        file = directory / name
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(18) + "\n")


def file_of(name):
    """The file with the password of a role."""
    return STATE / "secrets" / name


def password(name):
    """The password of a role."""
    return file_of(name).read_text().strip()
