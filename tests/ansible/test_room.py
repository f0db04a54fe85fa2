"""haproxy_rw_maxconn against what the servers say: sessions must not use up all of PostgreSQL's connections."""

import json
import os

import pytest
from harness import scratch

import playbooks

pytestmark = pytest.mark.versions("refusals")

READ_WRITE, READ_ONLY = "PostgresReadWrite-backend", "PostgresReadOnly-backend"


def room(most, variables=None, backends=(READ_WRITE, READ_ONLY)):
    """(exit code, what was said) with servers that take so many connections; None is one that doesn't say."""
    directory = scratch.directory("room")
    asked = [{"name": f"db{n}", "backends": backends, "max_connections": one} for n, one in enumerate(most, 1)]
    (directory / "answer").write_text(json.dumps({"asked": asked}))
    for name, script in (("haproxy", "exit 0"), ("checkpgroutes", f"cat {directory}/answer; exit 1")):
        (directory / name).write_text(f"#!/bin/sh\n{script}\n")
        (directory / name).chmod(0o755)
    return playbooks.run(
        ["ansible-playbook", "-i", playbooks.example_in(directory) / "hosts", playbooks.HERE / "room.yml",
         "--vault-password-file", playbooks.vault_password_file(directory), "-e", json.dumps(variables or {})],
        directory, PATH=f"{directory}:{os.environ['PATH']}")


def test_the_default_leaves_room_in_postgresqls_own():
    code, said = room([100, None, 97])
    assert code == 0, said
    assert "db1 takes 100 connections, and HAProxy sends it at most 90 (haproxy_rw_maxconn)" in said
    assert "db2 takes" not in said
    assert "db2 did not say how many connections they take" in " ".join(said.split())


def test_it_is_said_that_nobody_was_asked():
    code, said = room([])
    assert code == 0, said
    assert "The servers did not say how many connections they take" in " ".join(said.split())


@pytest.mark.parametrize("most, variables, right", [
    ([100, 96], {}, 89), ([500], {"haproxy_rw_maxconn": "494"}, 493)])
def test_too_many_are_refused_with_what_would_do(most, variables, right):
    code, said = room(most, variables)
    assert code != 0
    assert f"haproxy_rw_maxconn to {right} or less, or 0 for no limit." in " ".join(said.split()), said


SERVERS = [{"name": f"db{n}.example.com", "address": f"192.0.2.1{n}", "port": 6432} for n in (1, 2)]


@pytest.mark.parametrize("variables, backends", [
    ({"haproxy_rw_maxconn": 0}, [READ_WRITE]), ({}, [READ_ONLY]),
    ({"haproxy_rw_backends": SERVERS, "haproxy_rw_maxconn": 1000}, [READ_WRITE])])
def test_no_limit_and_another_port_and_servers_for_reads_are_not_compared(variables, backends):
    code, said = room([20], variables, backends)
    assert code == 0, said
    assert "takes 20 connections" not in said


ORDERS = [{"name": f"o{n}.example.com", "address": f"192.0.2.3{n}", "port": 5432} for n in (1, 2)]
SERVICES = [{"name": "PostgresReadWrite", "to": "primary"}, {"name": "PostgresReadOnly", "to": "standbys"},
            {"name": "Bookings", "to": "primary", "port": 7001},
            {"name": "OrdersReadWrite", "to": "primary", "port": 6001, "cluster": "orders", "servers": ORDERS},
            {"name": "OrdersReadOnly", "to": "standbys", "port": 6002, "cluster": "orders", "servers": ORDERS}]


@pytest.mark.parametrize("backends, right", [
    (["OrdersReadWrite-backend"], 43), (["Bookings-backend"], 43), (["Bookings-backend", READ_WRITE], 21)])
def test_every_service_for_writes_is_compared(backends, right):
    """Of every cluster, by whatever name; two of them that lead to a server share its connections."""
    code, said = room([50], {"haproxy_services": SERVICES, "checkpg_clusters": [{"name": "orders"}]}, backends)
    assert code != 0
    assert f"haproxy_rw_maxconn to {right} or less, or 0 for no limit." in " ".join(said.split()), said
