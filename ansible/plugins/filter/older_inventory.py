"""What sites have from the playbooks before this one: each is understood, or refused with what to write instead."""

import difflib
import re

USUAL = [{"name": "PostgresReadWrite", "to": "primary"}, {"name": "PostgresReadOnly", "to": "standbys"}]
LEADS_TO = {"checkpgprimary": "primary", "checkpgstandby": "standbys"}
IN_GLOBAL_ANYWAY = ("external-check", "insecure-fork-wanted")
SECTIONS = ("global", "defaults", "frontend", "backend", "listen", "peers", "userlist", "mailers", "resolvers", "ring",
            "cache", "program", "http-errors", "log-forward", "fcgi-app", "crt-store")
# Variables that no longer count and need not: what is so instead. They may stay.
NOTES = {
    r"(haproxy|keepalived)_(local_)?package(s|_names|_state)":
        "haproxy_package and keepalived_package name the packages",
    r"haproxy_(default_)?mode": "the mode is tcp",
    r"haproxy_socket": "the stats socket is /var/lib/haproxy/stats",
    r"haproxy_chroot": "HAProxy runs without a chroot, in which it would look for the checks",
    r"haproxy_(user|group)": "HAProxy's user and group are haproxy",
    r"haproxy_(client|server)_timeout": "haproxy_session_timeout is the limit of idle sessions",
    r"keepalived_virtual_cluster_name": "keepalived_virtual_router_id is made from postgresql_vip_fqdn",
    r"keepalived_(sysctl_config|net_\w+)": "the kernel's settings stay as they are",
    r"keepalived_vrrp_instances": "there is one, for postgresql_vip_ip",
}
# Those that would do something else than they did.
INSTEAD = {
    "haproxy_defaults_timeouts":
        "write haproxy_connect_timeout, haproxy_session_timeout (client and server) and, for others, lines of "
        "haproxy_defaults_lines. A 'timeout check' would end checks too early",
}


def unknown_variables(names, known, others):
    """Sentences on those variables of our prefixes that nobody reads."""
    found = []
    for name in sorted(set(names) - set(known)):
        if name in INSTEAD:
            found.append(f"{name} is not read: {INSTEAD[name]}.")
        elif not note_of(name) and not any(re.fullmatch(other, name) for other in others):
            meant = difflib.get_close_matches(name, known, 1, 0.8)
            found.append(f"{name} is not a variable of these roles: "
                         + (f"is {meant[0]} meant? If not, " if meant else "")
                         + "remove it, or name it in checkpg_other_variables if somebody else reads it.")
    return found


def note_of(name):
    """What is so instead of what an older variable says; None if it is no such variable."""
    return next((note for pattern, note in NOTES.items() if re.fullmatch(pattern, name)), None)


def older_notes(names):
    return [f"{name} no longer counts: {note_of(name)}." for name in sorted(names) if note_of(name)]


def check_port_notes(lists):
    """Of servers, and of older backends with servers."""
    servers = [server for entry in lists for server in [entry, *(entry.get("servers") or [])] if "checkport" in server]
    ports = ", ".join(sorted({str(server["checkport"]) for server in servers}))
    return [f"checkport ({ports}) does not count, and never did: HAProxy has no such thing for external checks. What "
            "is asked is checkpg_check_port, or a service's check_port."] if servers else []


def services_of(frontends, backends):
    """What the lists of an older inventory mean; without any, the usual services."""
    named = {backend.get("name"): backend for backend in backends}
    return [older_service(frontend, named.get(frontend.get("backend"), {})) for frontend in frontends] or USUAL


def older_service(frontend, backend):
    """As far as it can be said in our words: older_problems() has the rest."""
    ours = {"name": re.sub("-frontend$", "", str(frontend.get("name"))), "to": leads_to(backend) or "primary",
            "address": str(frontend.get("address", "*")), "port": frontend.get("port", 0),
            "servers": [{key: server.get(key, "") for key in ("name", "address", "port")}
                        for server in backend.get("servers") or []]}
    method = backend.get("balance_method", "leastconn")
    balance = [f"balance {method}"] if method != "leastconn" else []
    return {**ours, "frontend_lines": lines_of(frontend, "timeout_client"),
            "backend_lines": balance + lines_of(backend, "timeout_server")}


def lines_of(section, timeout):
    """What an older section has beside its names and servers; the check is our own matter."""
    lines = [*(section.get("params") or []), *(f"option {option}" for option in section.get("options") or [])]
    limit = [f"{timeout.replace('_', ' ')} {section[timeout]}"] if section.get(timeout) else []
    return limit + [line for line in lines if "external-check" not in line]


def leads_to(backend):
    """By the check that an older backend names. None if it is none of ours."""
    words = " ".join(map(str, backend.get("params") or []))
    found = re.search(r"external-check\s+command\s+\S*\b(checkpgprimary|checkpgstandby)\b", words)
    return LEADS_TO[found[1]] if found else None


def older_problems(told):
    """What older lists say that can't be done, or that only counts if it is written in another way."""
    frontends, backends = told["haproxy_frontends"], told["haproxy_backends"]
    if frontends and told["haproxy_services"] != services_of(frontends, backends):
        return ["haproxy_frontends and haproxy_services are both set: remove haproxy_frontends and haproxy_backends, "
                "haproxy_services stands for both."]
    named = {backend.get("name"): backend for backend in backends}
    found = [problem for frontend in frontends for problem in frontend_problems(frontend, named)]
    return found + [f"haproxy_backends has {name}, and no entry of haproxy_frontends leads there: remove it, or add "
                    "its frontend." for name in named if name not in [front.get("backend") for front in frontends]]


def frontend_problems(frontend, backends):
    name, leads = frontend.get("name"), frontend.get("backend")
    where = f"haproxy_frontends, {name}"
    if leads not in backends:
        yield f"{where}: its backend {leads} is not in haproxy_backends: add it there."
        return
    stem = re.sub("-frontend$", "", str(name))
    if (name, leads) != (f"{stem}-frontend", f"{stem}-backend"):
        yield (f"{where} leads to {leads}: here they are called {stem}-frontend and {stem}-backend. Give them these "
               "names.")
    if not leads_to(backends[leads]):
        yield (f"haproxy_backends, {leads}: no external-check command of it is checkpgprimary or checkpgstandby. Give "
               "it one of them; what is not PostgreSQL belongs in haproxy_extra_lines.")
    if {entry.get("mode", "tcp") for entry in (frontend, backends[leads])} != {"tcp"}:
        yield f"{where}: PostgreSQL needs mode tcp. Write that, here and in haproxy_backends."
    if frontend.get("bind_params"):
        yield f"{where}: bind_params is not known here. Remove it: TLS is PostgreSQL's own matter."


def global_lines(lines, older_lines):
    """What the section global has beside what is there anyway."""
    return lines + [line for line in older_lines if line.strip() not in IN_GLOBAL_ANYWAY]


def sections(text):
    """Of a haproxy.cfg: name of a frontend, backend or listen, or kind and name of another section -> the ports that
    it listens on."""
    found, name = {}, None
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if words and words[0] in SECTIONS:
            name = None
            if words[0] not in ("global", "defaults") and len(words) > 1:
                name = words[1] if words[0] in ("frontend", "backend", "listen") else " ".join(words[:2])
                found.setdefault(name, set()).update(ports_in(words[2:3]))  # an older HAProxy's listen NAME ADDRESS
        elif name and words and words[0] == "bind":
            found[name].update(ports_in(words[1:2]))
    return found


def ports_in(words):
    """Of addresses such as *:5432,192.0.2.1:5433, [::]:5432 or :5432-5440."""
    return {port for word in words for first, last in re.findall(r":(\d+)(?:-(\d+))?(?=,|$)", word)
            for port in range(int(first), int(last or first) + 1)}


def lost_sections(text, services, stats_port, extra_lines, dropped):
    """What the haproxy.cfg so far serves and the new one would not."""
    extra = sections("\n".join(extra_lines))
    names = {"haproxy-stat", "ring checkpg", *extra, *(service[key] for service in services for key in ("frontend", "backend"))}
    ports = {int(stats_port), *(int(service["port"]) for service in services), *set().union(*extra.values())}
    found = {name: its_ports for name, its_ports in sections(text).items()
             if name not in dropped and name.split()[-1] not in dropped}
    gone = [name for name in found if name not in names]
    closed = [f"{name} on port {port}" for name in found if name in names for port in sorted(found[name] - ports)]
    if not gone + closed:
        return []
    return ["/etc/haproxy/haproxy.cfg has what this inventory has not: " + ", ".join(gone + closed) + ". Add it to "
            "haproxy_services, or to haproxy_extra_lines if it is not PostgreSQL, or name what may go in "
            "haproxy_drop_sections. Nothing was changed."]


class FilterModule:
    def filters(self):
        return {
            "services_of": services_of,
            "older_problems": older_problems,
            "global_lines": global_lines,
            "unknown_variables": unknown_variables,
            "older_notes": older_notes,
            "check_port_notes": check_port_notes,
            "lost_sections": lost_sections,
        }
