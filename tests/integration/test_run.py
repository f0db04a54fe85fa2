"""tests/run: the labels it takes."""

import os
import re
import subprocess

import pytest
from harness import scratch
from harness.checks import REPOSITORY, bin_directory


def refusal(*arguments):
    """What it says. If it went on there would be nothing to build with."""
    empty = scratch.directory("run")
    (empty / "cmake").write_text("#!/bin/sh\nexit 1\n")
    (empty / "cmake").chmod(0o755)
    run = subprocess.run([REPOSITORY / "tests/run", *arguments], text=True, capture_output=True,
                         stdin=subprocess.DEVNULL, env={"PATH": f"{empty}:{os.environ['PATH']}"})
    assert (run.returncode, run.stdout) == (64, ""), run
    return run.stderr


@pytest.mark.parametrize("label", ["typo", "", "uni", "unit|postgres", ".*", "^unit$", "unit postgres", "[", "-x"])
def test_a_label_that_no_test_has_is_refused_with_those_there_are(label):
    assert re.fullmatch(r"tests/run: no test has the label '(.*)': it is one of ([a-z]+ )+[a-z]+\n",
                        refusal("-L", label))[1] == label
    assert refusal("-L", label, "release") == refusal("-L", label)


def test_the_labels_are_those_of_the_tests_and_of_the_documents():
    taken = set(refusal("-L", "typo").rpartition(" one of ")[2].split())
    table = (REPOSITORY / "docs/testing.md").read_text().partition("| label |")[2].partition("\n\n")[0]
    assert taken == set(re.findall(r"^\| ([a-z]+) \|", table, re.M))
    line = re.search(r"tests/run -L LABEL +# (.*)", (REPOSITORY / "README.md").read_text())[1]
    assert taken == set(re.findall(r"[a-z]+", line)) - {"or"}
    ctest = subprocess.run(["ctest", "--test-dir", bin_directory().parent, "--print-labels"], text=True,
                           capture_output=True, check=True)
    labels = set(re.findall(r"^  (\S+)$", ctest.stdout, re.M))
    assert "unit" in labels and labels <= taken
