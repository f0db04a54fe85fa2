"""Whether a run may go on: what the servers answer to new settings, and what a router routes. In sentences."""

import ipaddress
import json

WORDS = {0: "yes", 1: "the other role", 2: "unreachable", 3: "timed out", 4: "access denied", 5: "not ready",
         6: "unexpected answer", 7: "split brain", 8: "standby not fit", 9: "primary is read-only",
         64: "usage error", 70: "internal error", 78: "configuration error"}
#: Codes that do not mend themselves.
TURNED_AWAY = (4, 64, 70, 78)
PRIMARY = "checkpgprimary"
#: What checkpgroutes says when all is served, but not all is well.
WARNING = 1


def endpoint(address, port):
    """As haproxy.cfg has it."""
    found = ipaddress.ip_address(str(address))
    return f"[{found}]:{port}" if found.version == 6 else f"{address}:{port}"


def questions(services):
    """What is asked of each server of each backend, as ask-servers wants it."""
    return [f"{service['program']},{service['backend']},{server['name']},{server['address']},{server['port']}"
            for service in services for server in service["servers"]]


class Answers:
    """What ask-servers has printed of the servers of some services."""

    def __init__(self, text, services):
        self._programs = {service["backend"]: service["program"] for service in services}
        self._codes, self._words = {}, {}
        for line in text.splitlines():
            label, backend, name, code, said = (line + "\t" * 4).split("\t")[:5]
            if code.isdigit() and backend in self._programs:
                self._codes.setdefault((label, name), {})[backend] = int(code)
                self._words[label, name, backend] = said.strip()

    def codes(self, label, name):
        """Backend -> exit code."""
        return self._codes.get((label, name), {})

    def is_primary(self, label, name):
        return any(code == 0 and self._programs[backend] == PRIMARY for backend, code in self.codes(label, name).items())

    def served(self, label):
        """The names of servers that have a role."""
        return {name for (which, name), codes in self._codes.items() if which == label and 0 in codes.values()}

    def program(self, backend):
        return self._programs[backend]

    def told(self, name, backend, code):
        said = self._words.get(("after", name, backend)) or WORDS.get(code, "killed, or not started")
        return f"{self._programs[backend]} {code} ({said})"

    def all_told(self, name):
        codes = self.codes("after", name)
        return " and ".join(dict.fromkeys(self.told(name, backend, code) for backend, code in codes.items()))


def trial_problems(told):
    """What speaks against new settings; each cluster is judged by itself.

    `said`: what ask-servers printed of the settings in place ("before") and of the new ones ("after").
    `elsewhere`: what it printed of the settings in place on each router, before anything was changed.
    `services`: whose servers they are. `known`: "NAME ADDRESS:PORT" of those that HAProxy routes to already.
    `lenient`: a missing standby is no obstacle.
    """
    clusters = dict.fromkeys(service["cluster"] for service in told["services"])
    return [problem for cluster in clusters for problem in _cluster_problems(
        told, [service for service in told["services"] if service["cluster"] == cluster])]


def _cluster_problems(told, services):
    answers = Answers(told["said"], services)
    servers = {}  # name -> whether HAProxy routes to it already
    for server in (server for service in services for server in service["servers"]):
        known = f"{server['name']} {endpoint(server['address'], server['port'])}" in told["known"]
        servers[server["name"]] = known or servers.get(server["name"], False)
    before = answers.served("before")
    # With nothing here that works (a run that was cut off), what works on another router is the measure.
    expected = before or set().union(*(Answers(text, services).served("before") for text in told["elsewhere"]))
    found = list(_losses(answers, servers))
    for name, known in servers.items():
        codes = answers.codes("after", name)
        if any(problem.startswith(f"{name} ") for problem in found) or _has_role(codes):
            continue
        if name in expected - before:
            found.append(f"{name} has a role by the settings of another router, and none by the new ones here: "
                         f"{answers.all_told(name)}.")
        elif not expected and not told["lenient"]:
            found.append(f"{name} is neither primary nor standby: {answers.all_told(name)}.")
        elif expected and not known and 1 not in codes.values() and not told["lenient"]:
            found.append(f"{name} is new, and neither primary nor standby: {answers.all_told(name)}.")
    if not expected:
        found += _wrong_number_of_primaries(answers, servers)
    return found


def _has_role(codes):
    """Of a server of one backend only, "the other role" is one, too."""
    return 0 in codes.values() or (len(codes) == 1 and 1 in codes.values())


def _losses(answers, servers):
    """What the settings in place are answered, and the new ones are not."""
    for name in servers:
        before = answers.codes("before", name)
        after = answers.codes("after", name)
        lost = [backend for backend, code in before.items() if code == 0 and after.get(backend) != 0]
        away = [backend for backend, code in after.items() if code in TURNED_AWAY and before.get(backend) != code]
        if lost:
            backend = lost[0]
            yield (f"{name} answers {answers.program(backend)} with 0 by the settings in place, and not by the new "
                   f"ones: {answers.told(name, backend, after.get(backend))}.")
        elif away:
            yield f"{name} turns the checks away: {answers.told(name, away[0], after[away[0]])}."


def _wrong_number_of_primaries(answers, servers):
    primaries = [name for name in servers if answers.is_primary("after", name)]
    if len(primaries) != 1:
        yield (f"{' and '.join(primaries) or 'No server'} {'each answer' if primaries else 'answers'} as the "
               "primary: a first run needs one.")


def routes_problems(told):
    """What speaks against what a router routes: nothing, if checkpgroutes' `code` is an `accepted` one, or if it is a
    warning and none of what the routers routed `before`, as they were asked, is missing. Servers that are no longer
    in `servers` are nobody's loss."""
    code, now = told["code"], _routes(told["said"])
    if code in told["accepted"]:
        return []
    before = [_served(_routes(entry["stdout"])) for entry in told["before"] if entry.get("stdout")]
    summaries = [cluster["summary"] for cluster in _clusters(now) if cluster.get("summary")]
    summary = f"checkpgroutes says: {'; '.join(summaries) or told['said'].strip() or code}"
    if code != WARNING or not any(before):
        return [summary]
    lost = sorted(set().union(*before) & set(told["servers"]) - _served(now))
    return [f"No longer routed to: {', '.join(lost)}. {summary}"] if lost else []


def _routes(text):
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _clusters(routes):
    """With --all checkpgroutes says the same of each cluster."""
    return routes.get("clusters", [routes])


def _served(routes):
    return {name for cluster in _clusters(routes) for key in ("primaries", "standbys") for name in cluster.get(key) or []}


class FilterModule:
    def filters(self):
        return {"questions": questions, "trial_problems": trial_problems, "routes_problems": routes_problems}
