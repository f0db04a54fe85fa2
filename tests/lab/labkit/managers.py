"""Which cluster manager this lab has: LAB_MANAGER, patroni (the default), patroni-pypi or stolon."""

from .commands import LabError
from .patroni import NewestPatroni, Patroni
from .places import MANAGER
from .stolon import Stolon

_KNOWN = {manager.name.lower(): manager for manager in (Patroni(), NewestPatroni(), Stolon())}


def chosen():
    """The one that LAB_MANAGER names."""
    if MANAGER not in _KNOWN:
        raise LabError(f"LAB_MANAGER={MANAGER}: there are {', '.join(_KNOWN)}")
    return _KNOWN[MANAGER]
