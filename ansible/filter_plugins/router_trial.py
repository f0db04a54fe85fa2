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


def questions(servers, program, backend):
    """What is asked of each server of a backend, as ask-servers wants it."""
    return [f"{program},{backend},{server['name']},{server['address']},{server['port']}" for server in servers]


class Answers:
    """What ask-servers has printed."""

    def __init__(self, text):
        self._codes, self._words = {}, {}
        for line in text.splitlines():
            label, program, name, code, said = (line + "\t" * 4).split("\t")[:5]
            if code.isdigit():
                self._codes.setdefault((label, name), {})[program] = int(code)
                self._words[label, name, program] = said.strip()

    def codes(self, label, name):
        """Program -> exit code."""
        return self._codes.get((label, name), {})

    def served(self, label):
        """The names of servers that have a role."""
        return {name for (which, name), codes in self._codes.items() if which == label and 0 in codes.values()}

    def told(self, name, program, code):
        said = self._words.get(("after", name, program)) or WORDS.get(code, "killed, or not started")
        return f"{program} {code} ({said})"

    def all_told(self, name):
        return " and ".join(self.told(name, program, code) for program, code in self.codes("after", name).items())


def trial_problems(told):
    """What speaks against new settings.

    `said`: what ask-servers printed of the settings in place ("before") and of the new ones ("after").
    `elsewhere`: what it printed of the settings in place on each router, before anything was changed.
    `servers`: those of all backends. `known`: "NAME ADDRESS:PORT" of those that HAProxy routes to already.
    `lenient`: a missing standby is no obstacle.
    """
    answers = Answers(told["said"])
    servers = {server["name"]: f"{server['name']} {endpoint(server['address'], server['port'])}" in told["known"]
               for server in told["servers"]}
    before = answers.served("before")
    # With nothing here that works (a run that was cut off), what works on another router is the measure.
    expected = before or set().union(*(Answers(text).served("before") for text in told["elsewhere"]))
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
    """Of a server of one backend only "the other role" is one, too."""
    return 0 in codes.values() or (len(codes) == 1 and 1 in codes.values())


def _losses(answers, servers):
    """What the settings in place are answered, and the new ones are not."""
    for name in servers:
        before = answers.codes("before", name)
        after = answers.codes("after", name)
        lost = [program for program, code in before.items() if code == 0 and after.get(program) != 0]
        away = [program for program, code in after.items() if code in TURNED_AWAY and before.get(program) != code]
        if lost:
            program = lost[0]
            yield (f"{name} answers {program} with 0 by the settings in place, and not by the new ones: "
                   f"{answers.told(name, program, after.get(program))}.")
        elif away:
            yield f"{name} turns the checks away: {answers.told(name, away[0], after[away[0]])}."


def _wrong_number_of_primaries(answers, servers):
    primaries = [name for name in servers if answers.codes("after", name).get(PRIMARY) == 0]
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
    summary = f"checkpgroutes says: {now.get('summary') or told['said'].strip() or code}"
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


def _served(routes):
    return set(routes.get("primaries") or []) | set(routes.get("standbys") or [])


class FilterModule:
    def filters(self):
        return {"questions": questions, "trial_problems": trial_problems, "routes_problems": routes_problems}
