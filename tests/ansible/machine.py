"""This machine as a router, as far as files go: with directories of its own for what the roles write,
a systemctl that only notes what it is told, and our executables in /usr/bin."""

import json
import shutil

from harness import abilities, checks, keepalived, scratch

import playbooks

PLACES = ("etc", "usr/bin", "usr/libexec", "usr/local/bin", "var/lib")
#: The units' additions are unknown to systemd until it is told to read them. HAProxy and keepalived are older than
#: their files until they are reloaded; then a process is HAProxy's worker, or from the start with /etc/haproxy-worker.
SYSTEMCTL = """#!/bin/sh
echo "$*" >>/etc/told-systemctl
case $* in
"reload haproxy")
    [ ! -e /etc/haproxy-worker ] || kill "$(cat /etc/haproxy-worker)"
    setsid sleep 900 </dev/null >/dev/null 2>&1 &
    echo $! >/etc/haproxy-worker
    ;;
stop*) touch "/etc/$2-stopped" ;;
start*) rm -f "/etc/$2-stopped" ;;
disable*) touch "/etc/$2-disabled" ;;
enable*) rm -f "/etc/$2-disabled" ;;
is-enabled*) [ ! -e "/etc/$2-disabled" ] || { echo disabled; exit 1; } ;;
"reload keepalived" | "restart keepalived")
    date -u +'%a %F %T UTC' >/etc/keepalived-loaded
    ;;
show*)
    grep -q daemon-reload /etc/told-systemctl && needed=no || needed=yes
    [ -e /etc/keepalived-loaded ] && loaded=$(cat /etc/keepalived-loaded) || loaded="Thu 2026-01-01 00:00:00 UTC"
    [ -e "/etc/$2-stopped" ] && state=inactive || state=active
    echo "LoadState=loaded
ActiveState=$state
UnitFileState=enabled
NeedDaemonReload=$needed
StateChangeTimestamp=$loaded"
    ;;
esac
"""
SOCAT = """#!/bin/sh
read -r question
case $question in
"show info")
    [ -e /etc/haproxy-worker ] && echo "Pid: $(cat /etc/haproxy-worker)" || echo "Pid: 1"
    ;;
"show servers state")
    cat /etc/haproxy/checkpg-servers-down
    ;;
esac
"""
# $1 is a directory, $2 what a router has that runs, $3 where its /etc is left.
SCRIPT = """set -e
mount -t tmpfs tmpfs "$1"
for place in %s; do
    mkdir -p "$1/$place/new" "$1/$place/work"
    mount -t overlay overlay -o "lowerdir=/$place,upperdir=$1/$place/new,workdir=$1/$place/work" "/$place"
done
rm -rf /etc/haproxy /etc/keepalived/keepalived.conf /etc/checkpg
mkdir -p /etc/haproxy /etc/keepalived /etc/checkpg
cp -R "$2/." /
touch /var/lib/apt/lists  # apt needs no look at what there is
if [ -e /etc/haproxy-worker ]; then
    sleep 0.1  # a process's start is known to 10 ms
    setsid sleep 900 </dev/null >/dev/null 2>&1 &
    echo $! >/etc/haproxy-worker
fi
left=$3
shift 3
code=0
"$@" || code=$?
[ ! -e /etc/haproxy-worker ] || kill "$(cat /etc/haproxy-worker)"
cp -R /etc/haproxy /etc/keepalived /etc/checkpg /etc/systemd/system /etc/told-systemctl "$left"
exit $code
""" % " ".join(PLACES)


class Machine:
    """A router of a system, by its facts,."""

    def __init__(self, facts="debian12"):
        abilities.require_root("what the roles write")
        abilities.require_private_mounts("an /etc of the test's own")
        self.directory = scratch.directory("machine")
        for name in ("mounts", "older"):
            (self.directory / name).mkdir()
        self._cache = playbooks.cache_facts(self.directory / "cache", facts)
        for program in ("checkpgprimary", "checkpgstandby", "checkpgroutes"):
            self.add(f"usr/bin/{program}", checks.public_copy(program).read_bytes(), 0o755)
        self.add("usr/libexec/checkpg/haproxy-server-state", b"#!/bin/sh\n", 0o755)
        self.add("usr/bin/systemctl", SYSTEMCTL.encode(), 0o755)
        self.add("usr/bin/socat", SOCAT.encode(), 0o755)
        self.add("etc/told-systemctl", b"")

    def add(self, path, content, mode=0o644):
        file = self.directory / "older" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        file.chmod(mode)

    def add_tree(self, left):
        """What play() left in /etc, as what there is from now on."""
        for name in ("haproxy", "keepalived", "checkpg"):
            shutil.copytree(left / name, self.directory / "older/etc" / name, dirs_exist_ok=True)
        shutil.copytree(left / "system", self.directory / "older/etc/systemd/system", dirs_exist_ok=True)

    def play(self, *arguments, variables=None, playbook=playbooks.HERE / "machine.yml",
             limit="router1.example.com"):
        """(exit code, all that was said, the directory with what was in /etc then). `limit` may be both routers, which
        are this one then."""
        left = scratch.directory("etc")
        variables = {"keepalived_interface": keepalived.interface(), **(variables or {})}
        command = abilities.with_private_mounts(SCRIPT, self.directory / "mounts", self.directory / "older", left)
        code, said = playbooks.run(
            [*command, shutil.which("ansible-playbook"), "-i", playbooks.EXAMPLE / "hosts",
             playbook, "--limit", limit, *arguments, "-e", json.dumps(variables),
             "--vault-password-file", playbooks.vault_password_file(self.directory)],
            self.directory, **self._cache)
        return code, said, left
