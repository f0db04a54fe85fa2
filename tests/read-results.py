"""Reads the results CTest wrote as JUnit XML, for tests/run.

Usage: read-results.py FILE. Prints `passed N`, `failed N` and, for tests that were skipped,
`skipped N NAME: REASON`. A CTest test that is a run of pytest counts as what pytest counted.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter

#: CTest calls a test whose program is missing skipped, too. That is a failure: it has not run.
TRUE_SKIPS = ("SKIP_RETURN_CODE", "SKIP_REGULAR_EXPRESSION")

#: pytest's last line, e.g. `==== 1 failed, 11 passed, 1 skipped in 3.21s ====`, and its -rs lines.
PYTEST_TOTAL = re.compile(r"^=* ?((?:\d+ [a-z]+, )*\d+ [a-z]+) in [\d.]+s\b.*$", re.MULTILINE)
PYTEST_SKIP = re.compile(r"^SKIPPED \[(\d+)\] (?:\S+: )?(.+)$", re.MULTILINE)

CATCH2_SKIP = re.compile(r"^explicitly with message:\n\s*(.+)$", re.MULTILINE)


def pytest_counts(output):
    """What pytest counted, by its own words in the singular, or None if this isn't pytest."""
    totals = PYTEST_TOTAL.findall(output)
    if not totals:
        return None
    return {word.removesuffix("s"): int(number)
            for number, word in (part.split() for part in totals[-1].split(", "))}


def pytest_skips(output, total):
    """A reason for each skipped test; pytest tells them with -rs."""
    reasons = [reason for number, reason in PYTEST_SKIP.findall(output)
               for _ in range(int(number))]
    return reasons + ["pytest gave no reason"] * (total - len(reasons))


def results(test):
    """Of a CTest test: (passed, failed, reasons of the skipped)."""
    output = test.findtext("system-out") or ""
    status = test.get("status")
    skip = test.find("skipped")
    if status == "disabled":
        return 0, 0, ["disabled"]
    if skip is not None and skip.get("message", "").startswith(TRUE_SKIPS):
        found = [reason for _, reason in PYTEST_SKIP.findall(output)] + CATCH2_SKIP.findall(output)
        return 0, 0, ["; ".join(dict.fromkeys(found)) or "it gave no reason"]
    succeeded = status == "run"
    counts = pytest_counts(output) if status in ("run", "fail") else None
    if counts is None:
        return int(succeeded), int(not succeeded), []
    passed = counts.get("passed", 0) + counts.get("xfailed", 0)
    failed = counts.get("failed", 0) + counts.get("error", 0)
    if not succeeded:
        failed = max(failed, 1)
    return passed, failed, pytest_skips(output, counts.get("skipped", 0))


def main(path):
    passed, failed, skips = 0, 0, Counter()
    for test in ElementTree.parse(path).findall("testcase"):
        test_passed, test_failed, reasons = results(test)
        passed += test_passed
        failed += test_failed
        skips.update(f"{test.get('name')}: {reason}" for reason in reasons)
    print("passed", passed)
    print("failed", failed)
    for skip, number in skips.items():
        print("skipped", number, skip)


main(sys.argv[1])
