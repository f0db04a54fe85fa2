"""New settings are tried before they count, and routes are compared with those of before."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import yaml
from harness import abilities, scratch
from harness.checks import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "ansible/plugins/filter"))
from router_trial import questions, routes_problems, trial_problems  # noqa: E402

PRIMARY, STANDBY = "checkpgprimary", "checkpgstandby"
#: What a primary and a standby that work are answered.
IS_PRIMARY, IS_STANDBY = {PRIMARY: 0, STANDBY: 1}, {PRIMARY: 1, STANDBY: 0}
BACKENDS = {PRIMARY: "rw", STANDBY: "ro"}
SERVERS = [{"name": f"db{n}", "address": f"192.0.2.1{n}", "port": 5432} for n in (1, 2, 3)]
SERVICES = [{"cluster": "main", "backend": backend, "program": program, "servers": SERVERS}
            for program, backend in BACKENDS.items()]
KNOWN = [f"db{n} 192.0.2.1{n}:5432" for n in (1, 2, 3)]
WORK = {"db1": IS_PRIMARY, "db2": IS_STANDBY, "db3": IS_STANDBY}


def both(code):
    return {PRIMARY: code, STANDBY: code}


def lines(label, codes):
    return "".join(f"{label}\t{BACKENDS[program]}\t{name}\t{code}\t\n"
                   for name, answers in codes.items() for program, code in answers.items())


def problems(before, after, elsewhere=None, known=KNOWN, lenient=False):
    said = lines("before", before) + lines("after", after)
    return trial_problems({"said": said, "elsewhere": [lines("before", elsewhere or {})], "services": SERVICES,
                           "known": known, "lenient": lenient})


def all_are(code):
    return {name: both(code) for name in WORK}


@pytest.mark.parametrize("code", [2, 3, 4, 5, 6, 7, 8, 9, 64, 70, 78, 137, 1])
def test_what_the_settings_in_place_are_answered_the_new_ones_must_be_too(code):
    """2 is a wrong port, 3 a timeout of 1 ms."""
    for name, program in (("db1", PRIMARY), ("db2", STANDBY)):
        after = {**WORK, name: {**WORK[name], program: code}}
        found = problems(WORK, after)
        assert len(found) == 1 and found[0].startswith(f"{name} answers {program} with 0 by the settings in place")
    assert len(problems(WORK, all_are(code))) == 3


@pytest.mark.parametrize("code", [1, 2, 3, 5, 6, 7, 8])
def test_no_worse_than_before_is_enough(code):
    """A standby under maintenance, one that lags, a cluster without its primary."""
    for name in WORK:
        state = {**WORK, name: both(code)}
        assert problems(state, state) == []
    assert problems(WORK, WORK) == []


@pytest.mark.parametrize("code", [4, 64, 70, 78])
def test_what_does_not_mend_itself_is_refused_unless_it_was_so_before(code):
    ill = {**WORK, "db3": both(code)}
    assert "db3 turns the checks away" in problems({**WORK, "db3": both(2)}, ill)[0]
    assert problems(ill, ill) == []


def test_a_role_that_has_moved_since_is_no_loss_by_itself():
    """Each is asked with both settings at about the same time; the other router was asked long before."""
    moved = {**WORK, "db1": IS_STANDBY, "db2": IS_PRIMARY}
    assert problems(moved, moved, elsewhere=WORK) == []


@pytest.mark.parametrize("before", [{}, all_are(4), all_are(2)])
def test_a_first_run_needs_one_primary_and_its_standbys(before):
    assert problems(before, WORK, known=[]) == []
    for ill, sentence in (({"db1": IS_STANDBY}, "No server answers as the primary"),
                          ({"db2": IS_PRIMARY}, "db1 and db2 each answer as the primary"),
                          ({"db3": both(2)}, "db3 is neither primary nor standby: checkpgprimary 2 (unreachable)"),
                          ({"db3": {PRIMARY: 1, STANDBY: 8}}, "checkpgstandby 8 (standby not fit)")):
        assert sentence in " ".join(problems(before, {**WORK, **ill}, known=[])), ill


def test_a_first_run_may_lack_a_standby_where_the_site_says_so():
    assert problems({}, {**WORK, "db3": both(2)}, known=[], lenient=True) == []
    assert problems({}, {**WORK, "db3": both(4)}, known=[], lenient=True)
    assert problems({}, all_are(2), known=[], lenient=True) == ["No server answers as the primary: a first run needs "
                                                              "one."]


@pytest.mark.parametrize("answers, refused", [
    (IS_STANDBY, False), ({PRIMARY: 1, STANDBY: 8}, False), (both(2), True), (both(3), True), (both(5), True),
    ({PRIMARY: 7, STANDBY: 1}, False), (both(6), True)])
def test_a_server_that_is_added_needs_a_role(answers, refused):
    state = {**WORK, "db3": answers}
    assert bool(problems(state, state, known=KNOWN[:2])) == refused
    moved = problems(state, state, known=[*KNOWN[:2], "db3 192.0.2.13:6432"])
    assert bool(moved) == refused and ("db3 is new" in str(moved)) == refused


def test_the_other_router_is_the_measure_where_nothing_works_here():
    """As where a run was cut off: another's standby under maintenance is none here either."""
    elsewhere = {**WORK, "db3": both(2)}
    assert problems(all_are(4), elsewhere, elsewhere) == []
    found = problems(all_are(4), {**elsewhere, "db2": both(2)}, elsewhere)
    assert len(found) == 1 and "db2 has a role by the settings of another router" in found[0]


def test_no_answer_at_all_is_no_consent():
    assert problems(WORK, {})
    assert problems({}, {}, known=[])
    assert trial_problems({"said": "", "elsewhere": [], "services": SERVICES, "known": [], "lenient": False})


def test_each_cluster_is_judged_by_itself():
    """With one primary each, two clusters are no split brain, and neither hides that the other has none."""
    more = [{**service, "cluster": "orders", "backend": f"orders-{service['backend']}"} for service in SERVICES]
    pooler = {**SERVICES[0], "backend": "pooler"}

    def found(orders, pooled=IS_PRIMARY):
        said = lines("after", WORK) + lines("after", orders).replace("\tr", "\torders-r")
        said += f"after\tpooler\tdb1\t{pooled[PRIMARY]}\t\n"
        return trial_problems({"said": said, "elsewhere": [], "services": [*SERVICES, pooler, *more], "known": [],
                               "lenient": False})

    assert found(WORK) == []
    assert found({**WORK, "db1": IS_STANDBY}) == ["No server answers as the primary: a first run needs one."]
    assert "db1 turns the checks away" in found(WORK, both(4))[0]


def test_a_server_of_one_backend_only_may_have_the_other_role():
    one = {"db1": {PRIMARY: 0}, "db2": {STANDBY: 0}, "db3": {STANDBY: 1}}
    assert problems({}, one, known=[]) == []


# The script.

FAKE = """#!/bin/sh
echo "$HAPROXY_PROXY_NAME $HAPROXY_SERVER_NAME $* $(id -un) $(grep -o 'keep *=.*' "$CHECKPG_CONFIG") \\
$(cat "$(sed -n 's/^passfile = //p' "$CHECKPG_CONFIG")") ${HOME-}" >&2
exit "$(sed -n 's/^code = //p' "$CHECKPG_CONFIG")"
"""


def asked(directory, settings, programs=(PRIMARY, STANDBY)):
    """What the script prints of two servers, by label, program and server."""
    for program in programs:
        (directory / program).write_text(FAKE)
        (directory / program).chmod(0o755)
    script = (REPOSITORY / "ansible/roles/checkpg/files/ask-servers").read_text()
    script = script.replace("/usr/bin/", f"{directory}/").replace("/etc/checkpg", f"{directory}/etc")
    other = {**SERVERS[0], "address": "2001:db8::1"}
    servers = questions([{**SERVICES[0], "servers": SERVERS[:1]}, {**SERVICES[1], "servers": [other]}])
    run = subprocess.run(["sh", "-s", "daemon", settings, *servers], input=script, capture_output=True, text=True,
                         timeout=60, check=True, env={"PATH": os.environ["PATH"], "HOME": "/root"})
    rows = [line.split("\t") for line in run.stdout.splitlines()]
    assert all(len(row) == 5 for row in rows), run.stdout
    programs = {backend: program for program, backend in BACKENDS.items()}
    return {(label, programs[backend], name): (code, said) for label, backend, name, code, said in rows}


@pytest.fixture(name="router")
def _router():
    """A directory with settings in place, and new ones beside them."""
    abilities.require_root("to ask as another user")
    directory = scratch.directory("ask")
    directory.chmod(0o755)
    for place, secret, code in (("etc", "old", 0), ("etc/next", "new", 3)):
        (directory / place).mkdir()
        (directory / place / "pgpass").write_text(secret)
        (directory / place / "checkpg.conf").write_text(
            f"code = {code}\nkeep = 60s\npassfile = {directory}/etc/pgpass\n[ro]\nkeep=1h\n")
    return directory


def test_all_are_asked_as_haproxy_does_with_both_settings(router):
    found = asked(router, f"before={router}/etc/checkpg.conf after={router}/etc/next/checkpg.conf")
    assert {key: code for key, (code, _) in found.items()} == {
        (label, program, "db1"): code for label, code in (("before", "0"), ("after", "3"))
        for program in (PRIMARY, STANDBY)}
    said = found["before", PRIMARY, "db1"][1]
    assert said.startswith("rw db1 NOT_USED NOT_USED 192.0.2.11 5432 daemon keep = 0 keep= 0")
    assert said.split()[-1] == "old"
    said = found["after", STANDBY, "db1"][1]
    assert said.startswith("ro db1 NOT_USED NOT_USED 2001:db8::1 5432 daemon keep = 0 keep= 0")
    assert said.split()[-1] == "new"


def test_what_is_not_there_is_not_asked(router):
    (router / "etc/checkpg.conf").unlink()
    found = asked(router, f"before={router}/etc/checkpg.conf after={router}/etc/next/checkpg.conf", [PRIMARY])
    assert set(found) == {("after", PRIMARY, "db1")}


def test_it_leaves_nothing_behind(router, monkeypatch):
    places = router / "tmp"
    places.mkdir()
    monkeypatch.setenv("TMPDIR", str(places))
    asked(router, f"before={router}/etc/checkpg.conf")
    assert not list(places.iterdir())


# Putting the new files in their place.

def task(name, number=0):
    """What a task of the role checkpg runs."""
    tasks = yaml.safe_load((REPOSITORY / f"ansible/roles/checkpg/tasks/{name}.yml").read_text())
    return tasks[number]["ansible.builtin.command"]["stdin"]


def test_the_new_files_are_a_copy_until_all_of_them_count(tmp_path):
    def run(script, *arguments):
        subprocess.run(["sh", "-s", tmp_path, tmp_path / "next", *arguments], input=script, text=True, check=True,
                       timeout=60)
    for name in ("pgpass", "checkpg.conf", "site.crl"):
        (tmp_path / name).write_text("old")
    (tmp_path / "pgpass").chmod(0o600)
    (tmp_path / "next").mkdir()
    (tmp_path / "next/of-a-run-that-was-cut-off").write_text("secret")
    run(task("stage"), "pgpass", "client.key", "checkpg.conf")
    assert sorted(file.name for file in (tmp_path / "next").iterdir()) == ["checkpg.conf", "pgpass"]
    assert (tmp_path / "next/pgpass").stat().st_mode & 0o777 == 0o600
    before = {name: (tmp_path / name).stat().st_ino for name in ("pgpass", "checkpg.conf", "site.crl")}

    run(task("replace"))
    assert before == {name: (tmp_path / name).stat().st_ino for name in before}  # a keeper would log in anew
    run(task("stage"), "pgpass", "client.key", "checkpg.conf")
    (tmp_path / "next/checkpg.conf").write_text("new")
    (tmp_path / "next/client.key").write_text("new")
    run(task("replace"))
    assert {file.name: file.read_text() for file in tmp_path.iterdir() if file.is_file()} == {
        "pgpass": "old", "checkpg.conf": "new", "client.key": "new", "site.crl": "old"}
    assert (tmp_path / "pgpass").stat().st_ino == before["pgpass"]
    assert not list((tmp_path / "next").iterdir())


# Routes.

def routes(primaries=("db1",), standbys=("db2", "db3"), code=0):
    return {"stdout": json.dumps({"summary": "db3 is ill", "primaries": primaries, "standbys": standbys}), "rc": code}


def lost(now, *before, accepted=(0,)):
    return routes_problems({"said": now["stdout"], "code": now["rc"], "accepted": list(accepted),
                            "before": list(before), "servers": ["db1", "db2", "db3"]})


ILL = routes(standbys=["db2"], code=1)


def test_routes_are_ok_or_no_worse_than_before():
    assert lost(routes()) == []
    assert lost(ILL, ILL) == []
    assert lost(routes(["db2"], ["db1"], 1), routes(["db1"], ["db2"], 1)) == []
    assert lost(ILL, accepted=(0, 1)) == []
    assert lost(ILL, ILL, {"msg": "no such file", "rc": 2, "stdout": ""}, {"skipped": True}) == []
    assert lost(ILL, routes(standbys=["db2", "gone"], code=1)) == []


@pytest.mark.parametrize("now, before", [
    (ILL, []), (ILL, [routes()]), (ILL, [ILL, routes()]), (ILL, [routes([], [], 2)]),
    (ILL, [{"stdout": "", "rc": 2}]), (routes([], ["db2"], 2), [routes([], ["db2"], 2)]),
    ({"stdout": "", "rc": 2}, [ILL]), ({"stdout": "no such file", "rc": 3}, [ILL])])
def test_routes_that_are_worse_or_unknown_are_refused(now, before):
    assert lost(now, *before)


def test_of_several_clusters_each_counts():
    def all_of(*clusters):
        return {"stdout": json.dumps({"state": "warning", "clusters": [json.loads(one["stdout"]) for one in clusters]}),
                "rc": max(one["rc"] for one in clusters)}

    whole, ill = routes(["db1"], ["db2"]), routes(["db1"], [], 1)
    orders = routes([], ["db3"])
    assert lost(all_of(ill, orders), all_of(ill, orders)) == []
    assert lost(all_of(ill, orders), all_of(whole, orders)) == [
        "No longer routed to: db2. checkpgroutes says: db3 is ill; db3 is ill"]


def test_the_sentence_names_who_is_missing():
    assert lost(ILL, routes()) == ["No longer routed to: db3. checkpgroutes says: db3 is ill"]


# Going back.

def shell(name, directory, *paths):
    script = (REPOSITORY / "ansible/playbooks/files" / name).read_text()
    run = subprocess.run(["sh", "-s", directory / "saved", *paths], input=script, text=True, capture_output=True,
                         timeout=60, check=True)
    assert run.stderr == ""
    return run.stdout.splitlines()


@pytest.fixture(name="site")
def _site():
    directory = scratch.directory("site")
    (directory / "etc").mkdir()
    for name, text in (("kept", "kept"), ("changed", "old"), ("removed", "old")):
        (directory / "etc" / name).write_text(text)
    (directory / "etc/removed").chmod(0o600)
    (directory / "etc/of a site").write_text("its own")
    (directory / "script").symlink_to("/bin/true")
    return directory


def identity(file):
    """The same as long as nobody has written it or put another one in its place."""
    found = file.stat()
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns


def test_what_was_saved_is_put_back_and_nothing_else_is_touched(site):
    paths = [site / "etc", site / "script", site / "later", site / "nowhere"]
    shell("save", site, *paths)
    assert (site / "saved").stat().st_mode & 0o777 == 0o700
    kept = identity(site / "etc/kept")
    (site / "etc/changed").write_text("new")
    (site / "etc/removed").unlink()
    (site / "etc/added").write_text("new")
    (site / "script").unlink()
    (site / "script").write_text("new")
    (site / "later").symlink_to("/bin/false")
    assert set(shell("put-back", site)) == {str(site / name) for name in (
        "etc/changed", "etc/removed", "etc/added", "script", "later")}
    assert sorted(file.name for file in (site / "etc").iterdir()) == ["changed", "kept", "of a site", "removed"]
    assert (site / "etc/changed").read_text() == "old"
    assert (site / "etc/removed").stat().st_mode & 0o777 == 0o600
    assert (site / "script").readlink().as_posix() == "/bin/true"
    assert not (site / "later").is_symlink()
    assert identity(site / "etc/kept") == kept
    assert shell("put-back", site) == []


def test_what_a_run_that_was_cut_off_had_saved_stays_the_way_back(site):
    shell("save", site, site / "etc")
    (site / "etc/changed").write_text("half a run")
    shell("save", site, site / "etc")
    shell("put-back", site)
    assert (site / "etc/changed").read_text() == "old"


def test_what_such_a_run_did_not_know_of_is_not_lost(site):
    """A path that a later run writes, too: what is there stays the way back."""
    shell("save", site, site / "etc")
    (site / "etc/changed").write_text("half a run")
    shell("save", site, site / "etc", site / "script")
    (site / "script").unlink()
    (site / "script").write_text("new")
    assert set(shell("put-back", site)) == {str(site / "etc/changed"), str(site / "script")}
    assert (site / "script").readlink().as_posix() == "/bin/true"


def test_a_directory_of_an_older_collection_is_still_a_way_back(site):
    shell("save", site, site / "etc")
    (site / "saved/.paths").unlink()
    (site / "etc/changed").write_text("half a run")
    shell("save", site, site / "etc")
    shell("put-back", site)
    assert (site / "etc/changed").read_text() == "old"


def test_a_save_that_was_cut_off_is_none(site):
    shutil.copytree(site / "etc", site / "saved.new/half")
    shell("save", site, site / "etc")
    assert not (site / "saved/half").exists()
    assert (site / f"saved{site}/etc/kept").exists()


def test_without_anything_saved_nothing_is_touched(site):
    assert shell("put-back", site) == []
    assert (site / "etc/kept").exists() and (site / "script").is_symlink()
