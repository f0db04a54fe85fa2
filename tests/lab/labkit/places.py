"""Names, addresses and paths: what every other part of the lab agrees on."""

import os
from pathlib import Path

SUITE = os.environ.get("LAB_SUITE", "bookworm")
MANAGER = os.environ.get("LAB_MANAGER", "patroni")
POSTGRESQL = {"bookworm": "15", "trixie": "17"}

NAMESPACE = "checkpg-lab"
BRIDGE = "lab0"
PREFIX = 24
CONTROLLER = "192.0.2.1"
VIP = "192.0.2.20"
DOMAIN = "lab.example"

ROUTERS = {"router1": "192.0.2.21", "router2": "192.0.2.22"}
DATABASES = {"db1": "192.0.2.11", "db2": "192.0.2.12", "db3": "192.0.2.13", "db4": "192.0.2.14"}
#: Where etcd runs, in which the cluster manager keeps who is primary.
STORE = {name: address for name, address in DATABASES.items() if name != "db4"}
CLIENTS = {"client": "192.0.2.31"}
ADDRESSES = {**ROUTERS, **DATABASES, **CLIENTS}

READ_WRITE = 5432
READ_ONLY = 5433
FORWARDER = 25432

LAB = Path(__file__).resolve().parent.parent
TREE = LAB.parent.parent
LOGS = TREE / "build" / "lab" / "logs"
CACHE = Path("/var/cache/checkpg-lab") / SUITE
#: A tmpfs of the lab's own: one umount removes all that its machines have written.
STATE = Path("/run/checkpg-lab")
LIMIT_OF_STATE = "4g"


def name_of(address):
    """The machine that has the address, for messages; the address itself if none has."""
    names = {value: name for name, value in ADDRESSES.items()}
    return names.get(address, address)


def hosts_file():
    """/etc/hosts of every machine: the lab has no DNS."""
    lines = ["127.0.0.1 localhost", f"{CONTROLLER} controller.{DOMAIN} controller",
             f"{VIP} pgrouter.{DOMAIN} pgrouter"]
    lines += [f"{address} {name}.{DOMAIN} {name}" for name, address in ADDRESSES.items()]
    return "\n".join(lines) + "\n"
