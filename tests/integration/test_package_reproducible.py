"""Two builds of one commit are the same, byte for byte: here the second one is made elsewhere, as a
distribution makes it, from a tarball with `rpmbuild -tb`."""

import shutil

import pytest
from harness import scratch
from harness.checks import REPOSITORY
from harness.packages import (EXECUTABLES, deb_package, output_of, rpm_package, rpmbuild,
                              selinux_package, version)

def beside_the_sources(directory, names):
    """For copytree(): what a checkout has beside them."""
    return {name for name in names if name in (".git", "__pycache__", ".cache", ".pytest_cache")
            or (name == "build" and directory == str(REPOSITORY))}


@pytest.fixture(scope="module")
def epoch():
    """What the packages here were built with."""
    return output_of("rpm", "-qp", "--queryformat", "%{BUILDTIME}", rpm_package())


@pytest.fixture(scope="module")
def elsewhere(epoch):
    """The directory with the RPMs of the second build, and below it the tree they were built in."""
    name = f"checkpg-{version()}"
    directory = scratch.directory("a-directory-with-another-length")
    shutil.copytree(REPOSITORY, directory / name, ignore=beside_the_sources,
                    copy_function=shutil.copy, symlinks=True)
    tarball = directory / f"{name}.tar.gz"
    output_of("tar", "-czf", tarball, "-C", directory, name)
    shutil.rmtree(directory / name)
    return rpmbuild("-tb", tarball, cwd=directory, epoch=epoch)


def built_tree(elsewhere):
    return next(path.parent for path in elsewhere.rglob("CMakePresets.json"))


def test_the_executables(elsewhere):
    for name in EXECUTABLES:
        first, second = (tree / "build/package/bin" / name
                         for tree in (REPOSITORY, built_tree(elsewhere)))
        assert first.read_bytes() == second.read_bytes(), name


@pytest.mark.parametrize("package", [rpm_package, selinux_package], ids=["checkpg", "selinux"])
def test_the_rpms(elsewhere, package):
    assert package().read_bytes() == package(1, elsewhere).read_bytes()


def test_the_deb(elsewhere, epoch):
    tree = built_tree(elsewhere)
    output_of(tree / "packaging/deb/build", env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                                                 "SOURCE_DATE_EPOCH": epoch})
    assert deb_package().read_bytes() == deb_package(tree / "build/deb").read_bytes()


def test_without_git_the_time_is_that_of_the_changelog(elsewhere):
    tree = built_tree(elsewhere)
    said = output_of("bash", "-c", '. packaging/tree.sh; echo "$SOURCE_DATE_EPOCH"', cwd=tree)
    date = output_of("dpkg-parsechangelog", "-l", tree / "packaging/deb/debian/changelog",
                     "-S", "Timestamp")
    assert said == date
