"""What bash and zsh offer after TAB, in a terminal, for each of the programs."""

import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest
from harness import abilities, scratch
from harness.checks import REPOSITORY, run_check
from harness.packages import EXECUTABLES
from harness.waiting import PATIENCE

COMPLETIONS = REPOSITORY / "packaging/completions"
BASH, ZSH = COMPLETIONS / "bash/checkpgprimary", COMPLETIONS / "zsh/_checkpg"
PROMPT = "ready> "

CONFIGURATION = """user = checkpg
[PostgresReadWrite-backend]
[PostgresReadOnly-backend] ; a comment
[checkpgroutes]
[checkpgroutes orders]
[checkpgroutes crm]
"""


class Shell:
    """An interactive shell without anybody's own settings."""

    def __init__(self, command, prepare, environment):
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.execve(command[0], command, environment)
        self.text = ""
        for line in (*prepare, f"PS1='{PROMPT[:3]}''{PROMPT[3:]}'"):
            self._type(line + "\n")
        self._read_until(PROMPT)

    def close(self):
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._terminal)

    def offers(self, line):
        """The words of the line, and those that are shown when TAB is pressed behind it."""
        start = len(self.text)
        for keys in (line + "\t", "\t"):  # first what all have in common, then the list
            self._type(keys)
            self._read_until_silent()
        shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\x07", "", self.text[start:])
        self._type("\x15")  # the line is taken back
        self._read_until_silent()
        return set(shown.replace(PROMPT, "\n").split())

    def _type(self, text):
        os.write(self._terminal, text.encode())

    def _read(self, seconds):
        ready, _, _ = select.select([self._terminal], [], [], seconds)
        if ready:
            self.text += os.read(self._terminal, 65536).decode(errors="replace")
        return bool(ready)

    def _read_until(self, text):
        deadline = time.monotonic() + 20 * PATIENCE
        while text not in self.text:
            assert self._read(max(0, deadline - time.monotonic())), self.text

    def _read_until_silent(self):
        while self._read(0.3 * PATIENCE):
            pass


def options_of(program):
    text = run_check(program, "--help").stdout
    return {option for line in text.splitlines() if line.lstrip().startswith("-")
            for option in re.findall(r"(?<![\w-])(--[a-z][a-z-]*|-[A-Za-z?])(?![\w-])",
                                     re.split(r" {2,}", line.strip())[0])}


@pytest.fixture(scope="module")
def environment():
    file = scratch.directory("completion") / "checkpg.conf"
    file.write_text(CONFIGURATION)
    return {"PATH": "/usr/bin:/bin", "TERM": "dumb", "COLUMNS": "200", "LINES": "60",
            "HOME": "/nonexistent", "CHECKPG_CONFIG": str(file)}


@pytest.fixture(scope="module")
def bash(environment):
    shell = Shell(["/bin/bash", "--norc", "--noprofile", "-i"],
                  ["bind 'set show-all-if-ambiguous on'", "bind 'set page-completions off'",
                   "bind 'set bell-style none'", "bind 'set enable-bracketed-paste off'",
                   f". {BASH}"], environment)
    yield shell
    shell.close()


@pytest.fixture(scope="module")
def zsh(environment):
    shell = Shell([abilities.require_program("zsh", "its completion"), "-f", "-i"],
                  ["unsetopt zle_bracketed_paste prompt_sp beep; LISTMAX=1000",
                   "zstyle ':completion:*' verbose no", f"fpath=({ZSH.parent} $fpath)",
                   "autoload -U compinit; compinit -D -u"], environment)
    yield shell
    shell.close()


@pytest.fixture(params=["bash", "zsh"])
def shell(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("program", EXECUTABLES)
def test_every_option_of_help_is_offered_and_no_other(shell, program):
    offered = {word for word in shell.offers(f"{program} -") if word.startswith("-")} - {"-", "--"}
    assert {word.rstrip("=") for word in offered} == options_of(program)


@pytest.mark.parametrize("line", ["checkpgprimary --backend Pos", "checkpgstandby --backend=Pos",
                                  "checkpgroutes --read-only Pos"])
def test_backends_of_the_configuration_are_offered(shell, line):
    offered = shell.offers(line)
    assert {"PostgresReadWrite-backend", "PostgresReadOnly-backend"} <= offered
    assert not any("comment" in word for word in offered)


def test_the_section_of_checkpgroutes_is_no_backend(shell):
    offered = shell.offers("checkpgprimary --backend ") - {"checkpgprimary"}
    assert not {"checkpgroutes", "orders", "orders]"} & offered


def test_clusters_of_the_configuration_are_offered(shell):
    offered = shell.offers("checkpgroutes --cluster ")
    assert {"orders", "crm"} <= offered and "PostgresReadWrite-backend" not in offered


@pytest.mark.parametrize("line", ["checkpgroutes --socket /etc/host", "checkpgprimary --config /etc/host",
                                  "checkpgroutes --config=/etc/host", "checkpgroutes --history /etc/host"])
def test_files_are_offered(shell, line):
    assert any(word.endswith("hosts") or word.startswith("host.conf") for word in shell.offers(line))


@pytest.mark.parametrize("command", [["bash", "-n", BASH], ["zsh", "-n", ZSH]],
                         ids=["bash", "zsh"])
def test_the_syntax(command):
    abilities.require_program(command[0], "its completion")
    run = subprocess.run(command, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
