"""HAProxy in a chroot that holds nothing but the executables and, maybe, their configuration."""

import pytest
from harness import abilities
from harness.haproxy import HAProxy, READ_ONLY, READ_WRITE

UP, DOWN = ("UP", "PROCOK", 0), ("DOWN", "PROCERR", 1)
NAME = "SELECT current_setting('cluster_name')"


@pytest.fixture(autouse=True)
def root():
    abilities.require_root("chroot")


@pytest.fixture(params=["foreground", "daemon", "master-worker"])
def mode(request):
    return request.param


@pytest.mark.versions("jail")
def test_every_server_has_the_right_state_in_an_empty_jail(primary, standbys, mode):
    with HAProxy([primary, *standbys], mode=mode, chroot=True) as proxy:
        assert {path.name for path in proxy.root.iterdir()} == {
            "checkpgprimary", "checkpgstandby", proxy.socket.name}
        proxy.wait_for_results(READ_WRITE, {"db1": UP, "db2": DOWN, "db3": DOWN})
        proxy.wait_for_results(READ_ONLY, {"db1": DOWN, "db2": UP, "db3": UP})
        assert proxy.query(READ_WRITE, NAME) == "db1"
        assert {proxy.query(READ_ONLY, NAME) for _ in range(4)} == {"db2", "db3"}


def test_the_log_of_the_server_stays_clean(primary, mode):
    position = primary.log_position()
    with HAProxy([primary], mode=mode, chroot=True) as proxy:
        proxy.wait_for_results(READ_WRITE, {"db1": UP})
        proxy.wait_for_results(READ_ONLY, {"db1": DOWN})
    log = primary.log(position)
    for complaint in ("unexpected EOF", "could not receive data", "invalid", "incomplete"):
        assert complaint not in log


def test_the_configuration_and_the_password_file_are_those_of_the_jail(primary, mode):
    primary.authenticate("scram-sha-256")
    primary.set_password("secret")
    denied = ("DOWN", "PROCERR", 4)
    with HAProxy([primary], mode=mode, chroot=True,
                 files={"checkpg.conf": "timeout = 400ms\n"}) as proxy:
        proxy.wait_for_results(READ_WRITE, {"db1": denied})
        proxy.write_file("pgpass", "*:*:*:checkpg:secret\n")
        proxy.wait_for_results(READ_WRITE, {"db1": UP})
        proxy.wait_for_results(READ_ONLY, {"db1": DOWN})
        proxy.write_file("checkpg.conf", "colour = blue\n")
        proxy.wait_for_results(READ_WRITE, {"db1": ("DOWN", "PROCERR", 78)})
