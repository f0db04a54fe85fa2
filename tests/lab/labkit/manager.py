"""Cluster managers: what a lab asks of the program that decides which server is the primary."""

from abc import ABC, abstractmethod
from dataclasses import dataclass


@dataclass(frozen=True)
class Member:
    """One server, as its manager tells."""
    primary: bool
    #: As a primary it runs, as a standby it follows the primary.
    works: bool
    synchronous: bool
    timeline: int


class Manager(ABC):
    """Each method is called with names of database machines."""

    #: In messages.
    name: str
    #: Where PostgreSQL's files are.
    data: str
    #: The unit that forwards port FORWARDER of each machine to the primary.
    forwarder: str
    #: The file with the scenarios that it is there for.
    order: str
    #: For how many seconds after a promotion it lets no write pass, whoever routes.
    delay_of_writes: float
    #: What libpq needs in its environment to log in as the superuser postgres, from the same machine.
    environment: tuple = ()

    def psql_words(self, *arguments):
        """psql on a database machine, as the superuser postgres."""
        return ["runuser", "-u", "postgres", "--", "env", *self.environment, "psql", "-X", *arguments]

    def unable(self):
        """Why this manager can't run here; None if it can."""
        return None

    @abstractmethod
    def configure(self, name):
        """Writes the files of a machine that does not run yet; returns the units it is to start."""

    @abstractmethod
    def ask(self, name):
        """The cluster as that machine knows it: name -> Member. LabError or ValueError if it can't say."""

    @abstractmethod
    def switch(self, old, new):
        """Makes `new`, the synchronous standby, the primary instead of `old`."""

    @abstractmethod
    def paused(self, primary):
        """A context in which nobody starts PostgreSQL again or promotes a standby."""
