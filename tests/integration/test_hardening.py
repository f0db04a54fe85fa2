"""What makes a mistake in the executables hard to exploit, read back from them: the options of the
compiler and the linker took effect. The shipped ones are stripped, so what leaves only symbols is
read from the objects they were linked from."""

import os
import re
import shutil
import subprocess

import pytest
from harness import scratch
from harness.checks import bin_directory

EXECUTABLES = sorted(path for path in bin_directory().glob("checkpg*") if os.access(path, os.X_OK))

#: Each reads what others wrote.
EXPOSED = ["config_file", "connection", "invocation", "look_up", "peers", "server_state",
           "sqlstate"]


def output_of(*command):
    return subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True,
                          env={"PATH": os.environ["PATH"], "LC_ALL": "C"}).stdout


def weaknesses(path):
    """What an executable lacks, as a set of words."""
    header = output_of("readelf", "-W", "--file-header", path)
    segments = re.findall(r"^ +([A-Z_]+) +0x\S+ +0x\S+ +0x\S+ +0x\S+ +0x\S+ ([R ][W ][E ]) ",
                          output_of("readelf", "-W", "--program-headers", path), re.M)
    dynamic = output_of("readelf", "-W", "--dynamic", path)
    permissions = {kind: flags for kind, flags in segments}
    found = {
        "fixed addresses": not re.search(r"Type: +DYN", header)
        or not re.search(r"\(FLAGS_1\).*\bPIE\b", dynamic),
        "no relro": "GNU_RELRO" not in permissions,
        "lazy binding": not re.search(r"\(FLAGS\).*\bBIND_NOW\b", dynamic)
        or not re.search(r"\(FLAGS_1\).*\bNOW\b", dynamic),
        "executable stack": "E" in permissions.get("GNU_STACK", "RWE"),
        "writable code": "TEXTREL" in dynamic
        or any(kind == "LOAD" and "W" in flags and "E" in flags for kind, flags in segments),
        "a library path": "RPATH" in dynamic or "RUNPATH" in dynamic,
    }
    assert {"LOAD", "DYNAMIC"} <= set(permissions) or found["fixed addresses"]
    return {name for name, is_so in found.items() if is_so}


def test_there_is_something_to_read():
    assert {"checkpgprimary", "checkpgstandby"} <= {path.name for path in EXECUTABLES}


@pytest.mark.parametrize("path", EXECUTABLES, ids=lambda path: path.name)
def test_the_executables_are_hardened(path):
    assert weaknesses(path) == set()


def test_an_executable_that_is_not_hardened_is_told_apart():
    """Else the test above would show nothing."""
    directory = scratch.directory("weak")
    (directory / "weak.c").write_text("int main(void) { return 0; }\n")
    output_of(shutil.which("cc") or "gcc", "-fno-pie", "-no-pie", "-Wl,-z,norelro,-z,lazy",
              "-Wl,-z,execstack", "-Wl,-rpath,/nowhere", "-o", directory / "weak",
              directory / "weak.c")
    assert weaknesses(directory / "weak") == {
        "fixed addresses", "no relro", "lazy binding", "executable stack", "a library path"}


def called_by(path):
    """The undefined symbols of each object in an archive, or of the one object."""
    symbols = {}
    for name, symbol in re.findall(r"(\w+)\.cpp\.o: +U (\S+)$",
                                   output_of("nm", "-A", "--undefined-only", path), re.M):
        symbols.setdefault(name, set()).add(symbol)
    return symbols


@pytest.fixture(scope="module")
def symbols():
    build = bin_directory().parent
    found = called_by(build / "src/base/libcheckpg_base.a")
    found.update(called_by(build / "src/check/libcheckpg_check.a"))
    for path in (build / "tools").rglob("run_check.cpp.o"):
        found.update(called_by(path))
    return found


def test_the_stack_of_what_reads_foreign_bytes_is_guarded(symbols):
    for name in [*EXPOSED, "run_check"]:
        assert "__stack_chk_fail" in symbols[name], name


def test_calls_that_may_overflow_a_buffer_are_checked(symbols):
    assert "__fprintf_chk" in symbols["run_check"]
    # Which file calls which of them depends on the compiler; one that isn't ours proves nothing.
    assert any("__memcpy_chk" in called for name, called in symbols.items() if name != "fmt_library")


def test_the_standard_library_checks_indices_and_optionals(symbols):
    failing = "_ZSt21__glibcxx_assert_failPKciS0_S0_"
    assert all(failing in symbols[name] for name in ("config_file", "invocation", "report"))
