"""The RPMs installed into an empty root, used there, upgraded and erased."""

import re

import pytest
from harness import scratch
from harness.checks import Code, REPOSITORY, run_check
from harness.packages import (EXECUTABLES, files_below, output_of, require_roots, rpm, rpm_package,
                              rpmbuild, selinux_package, shell_root)

CONFIGURATION = "etc/checkpg/checkpg.conf"


@pytest.fixture(autouse=True)
def root():
    require_roots()
    return scratch.directory("root")


@pytest.fixture(scope="module")
def newer():
    """The directory with the next release's packages, from the tree that is compiled already."""
    spec = (REPOSITORY / "packaging/rpm/checkpg.spec").read_text()
    changed = scratch.directory("spec") / "checkpg.spec"
    changed.write_text(re.sub(r"^(Release: +)1", r"\g<1>2", spec, flags=re.M))
    return rpmbuild("-bb", "--build-in-place", changed, cwd=REPOSITORY, epoch=1_800_000_000)


def ours(root):
    """What is in a root but for rpm's database."""
    return {path for path in files_below(root) if not path.startswith("var")}


def run(root, name, *arguments):
    return run_check(f"/usr/bin/{name}", *arguments, prefix=["/usr/sbin/chroot", str(root)],
                     env={"CHECKPG_CONFIG": ""})


def test_the_executables_run_where_nothing_else_is(root, primary, standby):
    rpm(root, "-i", rpm_package())
    for name in EXECUTABLES:
        assert run(root, name, "--version").code == Code.OK
    for name, server, code in (("checkpgprimary", primary, Code.OK),
                               ("checkpgstandby", primary, Code.OTHER_ROLE),
                               ("checkpgprimary", standby, Code.OTHER_ROLE),
                               ("checkpgstandby", standby, Code.OK)):
        outcome = run(root, name, "NOT_USED", "NOT_USED", server.address, server.port).outcome
        assert outcome == (code, ""), (name, server)


def test_the_module_comes_along_where_the_policy_is():
    wanted = rpm_package().name.removeprefix("checkpg-").removesuffix(".x86_64.rpm")
    assert output_of("rpm", "-qp", "--recommends", rpm_package()) == (
        f"(checkpg-selinux = {wanted} if selinux-policy-targeted)\n")


def test_the_installed_configuration_is_read_and_changes_nothing(root, primary):
    rpm(root, "-i", rpm_package())
    assert run(root, "checkpgprimary", "127.0.0.1", primary.port).code == Code.OK
    with (root / CONFIGURATION).open("a") as file:
        file.write("\n[no]\n[no]\nbroken\n")
    broken = run(root, "checkpgprimary", "127.0.0.1", primary.port)
    assert broken.code == Code.CONFIGURATION
    assert f"/{CONFIGURATION}" in broken.stderr


def test_an_upgrade_keeps_an_edited_configuration(root, newer):
    rpm(root, "-i", rpm_package())
    edited = (root / CONFIGURATION).read_text() + "timeout = 1s\n"
    (root / CONFIGURATION).write_text(edited)
    rpm(root, "-U", rpm_package(2, newer))
    assert (root / CONFIGURATION).read_text() == edited
    assert rpm(root, "-q", "checkpg").strip().endswith("-2.x86_64")
    assert rpm(root, "-V", "--nodeps", "--noconfig", "checkpg") == ""


def test_erase_removes_everything_but_what_the_site_wrote(root):
    rpm(root, "-i", rpm_package())
    (root / CONFIGURATION).write_text("timeout = 1s\n")
    (root / "etc/checkpg/pgpass").write_text("*:*:*:*:secret\n")
    rpm(root, "-e", "checkpg")
    assert {path for path in ours(root) if not (root / path).is_dir()} == {
        f"{CONFIGURATION}.rpmsave", "etc/checkpg/pgpass"}


def test_erase_leaves_no_directory_of_ours(root):
    rpm(root, "-i", rpm_package())
    rpm(root, "-e", "checkpg")
    assert {path for path in ours(root) if "checkpg" in path} == set()


class TestTheSelinuxModule:
    """What the scriptlets call, seen by programs of the tools' names."""

    TOOLS = ["semodule", "selinuxenabled", "load_policy", "restorecon"]
    PATHS = ["/usr/bin/checkpgprimary", "/usr/bin/checkpgstandby", "/etc/checkpg"]
    LOADED = ["semodule -n -s targeted -X 200 -i /usr/share/selinux/packages/checkpg.cil",
              "selinuxenabled", "load_policy", f"restorecon -R {' '.join(PATHS)}"]
    REMOVED = ["semodule -n -s targeted -X 200 -r checkpg", "selinuxenabled", "load_policy"]

    @pytest.fixture
    def root(self):
        return shell_root()

    def put_tools_into(self, root, *, failing=()):
        (root / "etc/selinux/targeted").mkdir(parents=True)
        (root / "usr/sbin").mkdir(parents=True)
        for name in self.TOOLS:
            tool = root / "usr/sbin" / name
            tool.write_text(f'#!/bin/sh\necho "{name} $*" >>/calls\n'
                            f"exit {1 if name in failing else 0}\n")
            tool.chmod(0o755)

    def calls(self, root):
        """Those since the last time."""
        path = root / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return [line.strip() for line in lines]

    def install(self, root, *packages, how="-i"):
        # The tools are there, and no package of theirs.
        rpm(root, how, "--nodeps", *packages)

    def test_it_is_loaded_kept_by_an_upgrade_and_removed_by_an_erase(self, root, newer):
        self.put_tools_into(root)
        self.install(root, rpm_package(), selinux_package())
        assert self.calls(root) == self.LOADED
        self.install(root, rpm_package(2, newer), selinux_package(2, newer), how="-U")
        assert self.calls(root) == self.LOADED
        rpm(root, "-e", "checkpg-selinux")
        assert self.calls(root) == self.REMOVED + [f"restorecon -R {path}" for path in self.PATHS]

    def test_it_is_removed_together_with_checkpg(self, root):
        self.put_tools_into(root)
        self.install(root, rpm_package(), selinux_package())
        self.calls(root)
        rpm(root, "-e", "checkpg", "checkpg-selinux")
        calls = [call for call in self.calls(root) if not call.startswith("restorecon")]
        assert calls == self.REMOVED

    def test_where_selinux_is_off_the_policy_is_only_stored(self, root):
        self.put_tools_into(root, failing=["selinuxenabled"])
        self.install(root, rpm_package(), selinux_package())
        assert self.calls(root) == self.LOADED[:2]

    def test_without_the_tools_nothing_happens(self, root):
        self.install(root, rpm_package(), selinux_package())
        rpm(root, "-e", "checkpg-selinux")
        assert self.calls(root) == []

    def test_a_module_that_is_refused_stops_no_transaction(self, root):
        self.put_tools_into(root, failing=["semodule", "load_policy", "restorecon"])
        self.install(root, rpm_package(), selinux_package())
        rpm(root, "-e", "checkpg-selinux")
        assert "checkpg-selinux" not in rpm(root, "-qa")


def test_the_package_of_the_next_release_has_the_same_executables(root, newer):
    """It was packed, not compiled, a second time."""
    rpm(root, "-i", rpm_package(2, newer))
    for name in EXECUTABLES:
        assert (root / "usr/bin" / name).read_bytes() == (
            REPOSITORY / "build/package/bin" / name).read_bytes()
    assert output_of("rpm", "-qp", rpm_package(2, newer)).strip().endswith("-2.x86_64")
