"""require-writable: a primary whose transactions are read-only gets no writes."""

import json

import pytest
from harness.checks import Code, ask, run_check
from harness.clusters import peers

WRITABLE = "require-writable = on\n"


def test_a_primary_that_takes_writes(primary):
    assert ask("checkpgprimary", primary, configuration=WRITABLE).outcome == (Code.OK, "")


@pytest.mark.versions("exit codes")
def test_a_primary_whose_transactions_are_read_only(primary):
    primary.set(default_transaction_read_only="on")
    assert ask("checkpgprimary", primary, configuration=WRITABLE).outcome == (Code.READ_ONLY, "")
    primary.set(default_transaction_read_only="off")
    assert ask("checkpgprimary", primary, configuration=WRITABLE).outcome == (Code.OK, "")


@pytest.mark.parametrize("configuration", ["", "require-writable = off\n"])
def test_it_is_no_matter_where_it_is_not_required(primary, configuration):
    primary.set(default_transaction_read_only="on")
    assert ask("checkpgprimary", primary, configuration=configuration).outcome == (Code.OK, "")


def test_only_the_section_that_requires_it_counts(primary):
    primary.set(default_transaction_read_only="on")
    configuration = f"[PostgresReadWrite-backend]\n{WRITABLE}"
    assert ask("checkpgprimary", primary, configuration=configuration).code == Code.READ_ONLY
    assert ask("checkpgprimary", primary, configuration=configuration,
               backend="Other").code == Code.OK


def test_a_standby_has_the_other_role_not_a_fault(standby):
    run = ask("checkpgprimary", standby, configuration=WRITABLE)
    assert run.outcome == (Code.OTHER_ROLE, "")


def test_a_standby_is_not_asked_to_take_writes(standby):
    assert ask("checkpgstandby", standby, configuration=WRITABLE).outcome == (Code.OK, "")


def test_it_goes_together_with_peers(primary, standby):
    configuration = f"timeout = 20s\n{WRITABLE}{peers(primary, standby)}"
    assert ask("checkpgprimary", primary, configuration=configuration).outcome == (Code.OK, "")
    primary.set(default_transaction_read_only="on")
    assert ask("checkpgprimary", primary, configuration=configuration).code == Code.READ_ONLY


def test_a_person_reads_why(primary):
    primary.set(default_transaction_read_only="on")
    run = run_check("checkpgprimary", primary.address, primary.port, configuration=WRITABLE)
    assert (run.code, run.stderr) == (Code.READ_ONLY, "")
    assert "read-only" in run.stdout and run.stdout.count("\n") == 1


@pytest.mark.parametrize("setting, words", [("on", "read-only"), ("off", "read-write")])
def test_a_person_reads_what_its_transactions_are(primary, setting, words):
    primary.set(default_transaction_read_only=setting)
    arguments = (primary.address, primary.port)
    run = run_check("checkpgprimary", "-v", *arguments, configuration=WRITABLE)
    assert f"transactions are {words}" in run.stdout
    run = run_check("checkpgprimary", "--json", *arguments, configuration=WRITABLE)
    assert json.loads(run.stdout)["server"]["read_only"] is (setting == "on")
