"""What the build does with the compilers and libraries it may meet elsewhere."""

import shutil
import subprocess

import pytest
from harness import scratch
from harness.checks import REPOSITORY

PROJECT = """
cmake_minimum_required(VERSION 3.25)
project(fortified LANGUAGES C CXX)
include({options})
add_library(fortified OBJECT level.c level.cpp)
target_link_libraries(fortified PRIVATE checkpg_options)
target_compile_options(fortified PRIVATE -Werror)
"""

LEVEL = """
#include <string.h>
#if _FORTIFY_SOURCE != {level}
#error another level
#endif
int level(void);
int level(void) {{ return _FORTIFY_SOURCE; }}
"""


def build(flags, level, c_level=None):
    """Compiles a file of each language with our options and these flags of a distribution; each
    must see its level of _FORTIFY_SOURCE."""
    directory = scratch.directory("fortified")
    (directory / "CMakeLists.txt").write_text(
        PROJECT.format(options=REPOSITORY / "cmake/CompileOptions.cmake"))
    (directory / "level.cpp").write_text(LEVEL.format(level=level))
    (directory / "level.c").write_text(LEVEL.format(level=c_level or level))
    run(["cmake", "-G", "Ninja", "-S", directory, "-B", directory / "build", "-DCMAKE_BUILD_TYPE=Release",
         "-DCHECKPG_STATIC=ON", *flags])
    run(["cmake", "--build", directory / "build"])


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr


def our_level():
    """gcc has level 3 from 12 on; clang asks its C library."""
    version = subprocess.run(["c++", "-dumpversion"], capture_output=True, text=True).stdout
    is_old_gcc = shutil.which("g++") and int(version.split(".")[0]) < 12
    return 2 if is_old_gcc else 3


def test_without_flags_it_is_our_level():
    build([], our_level())


@pytest.mark.parametrize("flag", ["-D_FORTIFY_SOURCE=2", "-Wp,-D_FORTIFY_SOURCE=2",
                                  "-Wp,-U_FORTIFY_SOURCE -Wp,-D_FORTIFY_SOURCE=1"])
def test_a_distributions_level_is_left_alone(flag):
    build([f"-DCMAKE_CXX_FLAGS={flag}", f"-DCMAKE_C_FLAGS={flag}"], int(flag[-1]))


def test_each_language_has_a_level_of_its_own():
    build(["-DCMAKE_CXX_FLAGS=-D_FORTIFY_SOURCE=2"], 2, c_level=our_level())


@pytest.mark.parametrize("version, known", [(140000, False), (150000, True), (160000, True),
                                            (180000, True), (190000, False)])
def test_a_postgresql_whose_scram_nobody_compared_is_refused(version, known):
    """The linker puts our function in the place of libpq's without a look at its arguments."""
    directory = scratch.directory("postgresql")
    (directory / "pg_config.h").write_text(f"#define PG_VERSION_NUM {version}\n")
    done = subprocess.run(
        ["cc", "-fsyntax-only", "-Wall", "-Werror", f"-I{directory}",
         REPOSITORY / "src/libpq/scram_salted_password.c"], capture_output=True, text=True)
    assert (done.returncode == 0) == known, done.stderr
    assert known or "scram-common.h" in done.stderr
