"""What the repository says of itself: one version."""

import re
from datetime import datetime

import pytest
from harness.checks import REPOSITORY, run_check
from harness.packages import EXECUTABLES, version


# The version


def releases():
    """{where: (version, date) of the newest release} of all that tell the releases."""
    spec = (REPOSITORY / "packaging/rpm/checkpg.spec").read_text()
    day, spec_version = re.search(r"^%changelog\n\* (.*?) The .* - (\S+)-\d+$", spec, re.M).groups()
    debian = (REPOSITORY / "packaging/deb/debian/changelog").read_text()
    debian_version = re.match(r"checkpg \((\S+)-\d+\) ", debian)[1]
    debian_day = re.search(r"^ -- .*>  (.*) \d\d:\d\d:\d\d ", debian, re.M)[1]
    ours, our_day = re.search(r"^## (\d\S*) \((.*)\)$", (REPOSITORY / "CHANGELOG.md").read_text(),
                              re.M).groups()
    return {"checkpg.spec": (spec_version, datetime.strptime(day, "%a %b %d %Y")),
            "debian/changelog": (debian_version, datetime.strptime(debian_day, "%a, %d %b %Y")),
            "CHANGELOG.md": (ours, datetime.strptime(our_day, "%Y-%m-%d"))}


def test_the_version_is_three_numbers():
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", (REPOSITORY / "VERSION").read_text())


def test_the_packages_and_the_changelog_have_the_version():
    assert {where: said for where, (said, _) in releases().items()} == dict.fromkeys(releases(),
                                                                                   version())


def test_the_spec_packs_the_version():
    spec = (REPOSITORY / "packaging/rpm/checkpg.spec").read_text()
    assert re.search(r"^Version: +(\S+)$", spec, re.M)[1] == version()


def test_all_date_the_release_alike():
    assert len({day for _, day in releases().values()}) == 1, releases()


@pytest.mark.parametrize("program", EXECUTABLES)
def test_the_executables_say_the_version(program):
    said = run_check(program, "--version").stdout.splitlines()[0]
    assert said == f"{program} (checkpg) {version()}"
