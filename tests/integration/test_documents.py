"""Man pages, README, reference and examples say what the executables do: options, codes, keys,
defaults; what is said of the tests' labels; and what is installed leads somewhere."""

import ctypes
import ctypes.util
import json
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
from harness import scratch, versions
from harness.checks import Code, REPOSITORY, run_check
from harness.markdown import dead_links, lost_pages

DOCS = REPOSITORY / "docs"
CHECKS = ["checkpgprimary", "checkpgstandby"]
PAGE_OF = {"checkpgprimary": "checkpgprimary.1", "checkpgstandby": "checkpgprimary.1",
           "checkpgroutes": "checkpgroutes.1"}
PAGES = ["checkpgprimary.1", "checkpgstandby.1", "checkpgroutes.1", "checkpg.conf.5"]
#: Sections of docs/reference.md.
CHECKS_REFERENCE = "checkpgprimary and checkpgstandby"
KEYS_REFERENCE = "Configuration"
ROUTES_REFERENCE = "checkpgroutes"
OPTIONS_REFERENCE = {"checkpgprimary": CHECKS_REFERENCE, "checkpgstandby": CHECKS_REFERENCE,
                     "checkpgroutes": ROUTES_REFERENCE}
OWN_KEYS = "KEYS OF CHECKPG"
LIBPQ_KEYS = "KEYS OF LIBPQ"
ROUTES_KEYS = "THE SECTION [CHECKPGROUTES]"


# Reading the documents


def plain(roff):
    """A line of roff without its macro, fonts, quotes and escapes."""
    text = re.sub(r"^\.[A-Z]{1,2} ", "", roff).replace("\\-", "-")
    return re.sub(r"\\f[A-Z]", "", text).replace('"', "").strip()


@cache
def page_sections(page):
    """The lines of each section (.SH) of a man page."""
    sections = {}
    for line in (DOCS / page).read_text().splitlines():
        if line.startswith(".SH "):
            lines = sections[plain(line)] = []
        elif sections:
            lines.append(line)
    return sections


def tagged(page, section):
    """The tag of each .TP paragraph of a section, and the text below it."""
    paragraphs = "\n".join(page_sections(page)[section]).split(".TP\n")[1:]
    tags = (paragraph.partition("\n") for paragraph in paragraphs)
    return {plain(tag): " ".join(map(plain, text.splitlines())) for tag, _, text in tags}


@cache
def document_section(document, title):
    text = (REPOSITORY / document).read_text()
    return re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)[1]


def document_rows(document, title):
    """The cells of all table rows of a section."""
    return [[cell.strip() for cell in line.strip("|").split("|")]
            for line in document_section(document, title).splitlines()
            if line.startswith("|") and not line.startswith("|---")]


def reference_rows(title):
    return document_rows("docs/reference.md", title)


def options_in(text):
    return set(re.findall(r"(?<![\w-])(--[a-z][a-z-]*|-[A-Za-z?])(?![\w-])", text))


def first_word(text):
    return text.split()[0] if text else ""


def keys_and_defaults(page_section):
    """{"timeout": "1500ms", ...} of tags such as `timeout (time, default 1500ms)`."""
    tags = tagged("checkpg.conf.5", page_section)
    return {first_word(tag): default[1] for tag in tags
            if (default := re.search(r"\((?:.*, )?default (.*)\)$", tag))}


@cache
def example(uncommented=False):
    """docs/examples/checkpg.conf, with the comment sign taken off all keys and sections if so
    wanted."""
    text = (DOCS / "examples/checkpg.conf").read_text()
    if uncommented:
        text = re.sub(r"^#(?=[a-z_-]+ *= |\[)", "", text, flags=re.M)
    return text


def example_keys():
    """{section: {key: value}} of the example; the global part is section ""."""
    sections = {"": {}}
    keys = sections[""]
    for line in example(uncommented=True).splitlines():
        if line.startswith("["):
            keys = sections[line.strip("[]")] = {}
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            keys[key.strip()] = value.strip()
    return sections


# Asking the executables


@cache
def candidates():
    """Every word that stands in quotes in the source: our keys are among them."""
    text = "".join(path.read_text() for path in (REPOSITORY / "src").rglob("*.cpp"))
    return sorted(set(re.findall(r'"([a-z][a-z_-]*)"', text)))


class _Option(ctypes.Structure):
    _fields_ = [(name, ctypes.c_char_p) for name in
                ("keyword", "envvar", "compiled", "val", "label", "dispchar")]
    _fields_.append(("dispsize", ctypes.c_int))


@cache
def libpq_keywords():
    """The system's libpq's own list: the release build links the same version."""
    libpq = ctypes.CDLL(ctypes.util.find_library("pq"))
    libpq.PQconndefaults.restype = ctypes.POINTER(_Option)
    options, keywords = libpq.PQconndefaults(), set()
    for option in iter(options[i] for i in range(1000)):
        if option.keyword is None:
            return keywords
        keywords.add(option.keyword.decode())
    raise RuntimeError("libpq's list does not end")


def complaint(program, configuration):
    """What an executable says about a configuration; it reaches nobody."""
    target = (["--socket", "/nonexistent/stats"] if program == "checkpgroutes" else
              ["127.0.0.1", "1"])
    return run_check(program, *target, configuration=configuration).output


@cache
def known_keys(program, section=""):
    """{key: complaint} of all candidates that the executable does not call unknown."""
    known = {}
    for key in {*candidates(), *libpq_keywords()}:
        said = complaint(program, f"{section}\n{key} = a bad value\n")
        if "unknown key" not in said:
            known[key] = said
    return known


@cache
def built_in(program):
    """The settings that --json shows as built in."""
    run = run_check(program, "--json", "127.0.0.1", "1")
    return {setting["key"]: setting["value"] for setting in json.loads(run.stdout)["settings"]
            if setting["origin"] == "built in"}


# Options


@pytest.mark.parametrize("program", PAGE_OF)
class TestOptions:
    @pytest.fixture
    def help_options(self, program):
        run = run_check(program, "--help")
        assert run.code == 0
        return {option for line in run.stdout.splitlines() if line.lstrip().startswith("-")
                for option in options_in(re.split(r" {2,}", line.strip())[0])}

    def test_the_page_has_those_of_help(self, program, help_options):
        tags = " ".join(tagged(PAGE_OF[program], "OPTIONS"))
        assert options_in(tags) == help_options

    def test_the_reference_has_those_of_help(self, program, help_options):
        first_cells = (row[0] for row in reference_rows(OPTIONS_REFERENCE[program]))
        assert options_in(" ".join(first_cells)) == help_options


# Exit codes


def source_exit_codes():
    """{number: words} of src/base/exit_code."""
    numbers = dict(re.findall(r"(\w+) = (\d+)",
                              (REPOSITORY / "src/base/exit_code.hpp").read_text()))
    words = re.findall(r'\{ExitCode::(\w+), "(.*)"\}',
                       (REPOSITORY / "src/base/exit_code.cpp").read_text())
    assert {name for name, _ in words} == set(numbers)
    return {int(numbers[name]): text for name, text in words}


def documented_exit_codes():
    page = {int(tag): text for tag, text in tagged("checkpgprimary.1", "EXIT STATUS").items()}
    readme = {int(row[0]): " ".join(row[1:])
              for row in document_rows("README.md", "Exit codes")[1:]}
    return {"page": page, "README": readme}


@pytest.mark.parametrize("document", ["page", "README"])
def test_exit_codes_of_the_checks(document):
    source, documented = source_exit_codes(), documented_exit_codes()[document]
    assert set(documented) == set(source) == set(Code)
    for number, words in source.items():
        assert number == 0 or words in documented[number].lower(), (number, words)


@pytest.mark.parametrize("program", CHECKS)
def test_exit_codes_in_the_help_of_the_checks(program):
    _, _, codes = run_check(program, "--help").stdout.partition("Exit codes:\n")
    listed = re.findall(r"^ +(\d+) +(.*)$", codes, re.M)
    assert {int(number): words for number, words in listed} == source_exit_codes()
    assert codes.endswith("checkpgprimary(1) says what to do about each.\n")


def test_exit_codes_of_checkpgroutes():
    status = re.search(r"Exit status: (.*);", run_check("checkpgroutes", "--help").stdout)[1]
    of_help = {int(number): word for number, word in re.findall(r"(\d) (\w+)", status)}
    page = {int(tag): first_word(text).strip(":,;")
            for tag, text in tagged("checkpgroutes.1", "EXIT STATUS").items()}
    reference = {int(row[0]): first_word(row[1]).strip(":,;")
                 for row in reference_rows(ROUTES_REFERENCE) if row[0].isdigit()}
    in_brackets = re.search(r"exit code \((0 .*?)\)", document_section(
        "README.md", "What does the router route where?"))[1]
    readme = {int(number): word for number, word in re.findall(r"(\d) (\w+)", in_brackets)}
    assert page == reference == readme == of_help == {0: "ok", 1: "warning", 2: "critical", 3: "unknown"}


# Keys


@pytest.mark.parametrize("program", CHECKS)
def test_own_keys_of_the_checks(program):
    documented = set(keys_and_defaults(OWN_KEYS))
    assert set(known_keys(program)) - libpq_keywords() == documented
    assert {row[0].strip("`") for row in reference_rows(KEYS_REFERENCE)[1:]} == documented
    shown = {key for section, keys in example_keys().items() if section != "checkpgroutes"
             for key in keys}
    assert shown - libpq_keywords() == documented


def test_keys_of_checkpgroutes():
    documented = set(keys_and_defaults(ROUTES_KEYS))
    assert set(known_keys("checkpgroutes", "[checkpgroutes]")) == documented
    in_conf_of_the_program = " ".join(map(plain, page_sections("checkpgroutes.1")["CONFIGURATION"]))
    assert all(key in in_conf_of_the_program for key in documented)
    reference = {key[1] for row in reference_rows(ROUTES_REFERENCE)
                 if len(row) == 3 and (key := re.match(r"`([a-z-]+)`", row[1]))}
    assert reference == documented == set(example_keys()["checkpgroutes"])


def test_every_keyword_of_libpq_is_a_key():
    assert libpq_keywords() <= set(known_keys("checkpgprimary"))


def test_refused_keywords():
    refused = {key for key, said in known_keys("checkpgprimary").items() if "has no place" in said}
    text = " ".join(map(plain, page_sections("checkpg.conf.5")[LIBPQ_KEYS]))
    documented = set(re.findall(r"[a-z_]+", re.search(r"its answer means: (.*?)\.", text)[1])
                     ) - {"and"}
    # A key that this libpq doesn't have can't be refused: servicefile came with 18.
    assert refused == documented & libpq_keywords()
    assert documented - libpq_keywords() <= {"servicefile"}
    reference = re.search(r"\(but (.*?),\s+which",
                          document_section("docs/reference.md", KEYS_REFERENCE), re.S)[1]
    assert set(re.findall(r"`(\w+)`", reference)) == documented


# Defaults


def test_defaults_of_own_keys_in_the_reference():
    defaults = {row[0].strip("`"): row[2] for row in reference_rows(KEYS_REFERENCE)[1:]}
    assert defaults == keys_and_defaults(OWN_KEYS)


def test_default_timeouts_are_what_the_executable_says_when_they_contradict():
    defaults = keys_and_defaults(OWN_KEYS)
    peers = "peers = 192.0.2.1\n"
    assert f"peer-timeout ({defaults['peer-timeout']})" in complaint("checkpgprimary",
                                                                     peers + "timeout = 1ms\n")
    assert f"timeout ({defaults['timeout']})" in complaint("checkpgprimary",
                                                           peers + "peer-timeout = 60s\n")


@pytest.mark.parametrize("program", CHECKS)
def test_defaults_that_are_not_libpqs(program):
    documented = keys_and_defaults(LIBPQ_KEYS)
    assert program in documented["application_name"].split(" or ")
    documented["application_name"] = program
    # The harness names a password file of its own.
    assert documented.pop("passfile") == "/etc/checkpg/pgpass"
    assert built_in(program) == documented


def test_the_example_shows_the_defaults():
    defaults = keys_and_defaults(OWN_KEYS) | keys_and_defaults(LIBPQ_KEYS)
    without_default = {"peers", "max-replay-lag", "max-replay-delay", "port"}
    assert "/var/lib/haproxy/stats" in defaults.pop("haproxy-socket")
    for section, keys in example_keys().items():
        for key in keys.keys() & defaults.keys() - without_default:
            if section != "checkpgroutes":
                assert keys[key] == defaults[key], key
    routes = keys_and_defaults(ROUTES_KEYS)
    assert "/var/lib/haproxy/stats" in routes.pop("socket")
    by_name = "PostgresReadWrite-frontend PostgresReadOnly-frontend"
    assert {**routes, "socket": "/var/lib/haproxy/stats",
            "frontends": by_name} == example_keys()["checkpgroutes"]


# Labels


def test_the_labels_of_the_tests():
    build = "".join(path.read_text() for path in (REPOSITORY / "tests").rglob("CMakeLists.txt"))
    labels = set(re.findall(r"\bLABELS ([a-z]+)|checkpg_add_pytest\(\S+ ([a-z]+)\)", build))
    labels = {one or other for one, other in labels}
    labels |= set(re.search(r"foreach\(label IN ITEMS (.*)\)", build)[1].split())
    table = re.search(r"^\| label \|.*?\n\n", (DOCS / "testing.md").read_text(), re.M | re.S)[0]
    assert set(re.findall(r"^\| ([a-z]+) \|", table, re.M)) - {"label"} == labels
    readme = re.search(r"^ *tests/run -L LABEL +# (.*)$", (REPOSITORY / "README.md").read_text(),
                       re.M)[1]
    assert set(re.findall(r"[a-z]+", readme)) - {"or"} == labels


@pytest.mark.parametrize("table, names, known", [
    (versions.PROGRAMS, "roots", versions.ROOTS), (versions.ANSIBLE, "environments", versions.ENVIRONMENTS)])
def test_the_tables_of_versions_have_each_name_and_each_topic(table, names, known):
    header, lines = table.lines()
    assert header == (*table.columns, *table.topics)
    named = (REPOSITORY / "tests/versions" / names).read_text().split()
    assert [name for name, *_ in lines] == named == list(known)


def test_the_readme_tells_the_versions_of_the_table():
    told = re.search(r"^Tried with PostgreSQL ([^A-Z]*) and with HAProxy ([^;]*); .*\nansible-core (.*): what",
                     (REPOSITORY / "README.md").read_text(), re.M)
    _, postgresql, haproxy, *_ = zip(*versions.PROGRAMS.lines()[1])
    assert re.findall(r"[\d.]+", told[1]) == sorted(set(postgresql), key=float)
    assert re.findall(r"[\d.]+", told[2]) == sorted(set(haproxy), key=float)
    assert re.findall(r"[\d.]+", told[3]) == [core.rpartition(".")[0] for _, core, _, *tried in versions.ANSIBLE.lines()[1]
                                                if "yes" in tried]


# As they are installed


@pytest.fixture(scope="module")
def installed():
    """The directory below which everything is as a package has it."""
    directory = scratch.directory("installed")
    run = subprocess.run(["cmake", "--install", Path(os.environ["CHECKPG_BIN"]).parent],
                         env={**os.environ, "DESTDIR": str(directory)}, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return directory / "usr/share"


def test_installed_links_lead_somewhere(installed):
    pages = sorted((installed / "doc/checkpg").glob("*.md"))
    assert len(pages) > 5
    assert list(dead_links(pages)) == []


def test_what_is_installed_names_no_page_that_is_not(installed):
    """Man pages and examples, too."""
    folder = installed / "doc/checkpg"
    documents = [*folder.iterdir(), *installed.glob("man/man*/*")]
    lost = {path.name: names for path in documents if (names := lost_pages(path, folder))}
    assert lost == {}


# The example


def test_the_example_as_it_ships_changes_nothing():
    lines = [line for line in example().splitlines() if line and not line.startswith("#")]
    assert lines == []


@pytest.mark.parametrize("program", CHECKS)
@pytest.mark.parametrize("backend", ["PostgresReadWrite-backend", "PostgresReadOnly-backend"])
def test_the_example_uncommented_is_accepted_by_the_checks(program, backend):
    elsewhere = scratch.directory("etc")
    for name in ("root.crt", "client.crt", "client.key", "pgpass"):
        (elsewhere / name).touch(mode=0o600)
    run = run_check(program, "--backend", backend, "127.0.0.1", "1",
                    configuration=example(uncommented=True).replace("/etc/checkpg", str(elsewhere)))
    assert (run.code, run.stderr) == (Code.UNREACHABLE, "")


def test_the_example_uncommented_is_accepted_by_checkpgroutes():
    run = run_check("checkpgroutes", "--socket", "/nonexistent/stats",
                    configuration=example(uncommented=True))
    assert (run.code, run.stderr) == (3, "")
    assert run.stdout.startswith("UNKNOWN: /nonexistent/stats: no such file")


# The pages as man shows them


@pytest.fixture(scope="module")
def manual():
    """A directory with the pages where man looks for them."""
    directory = scratch.directory("man")
    assert sorted(path.name for path in DOCS.glob("*.[1-9]")) == sorted(PAGES)
    for page in PAGES:
        section = directory / f"man{page[-1]}"
        section.mkdir(exist_ok=True)
        shutil.copy(DOCS / page, section)
    return directory


@pytest.mark.parametrize("page", PAGES)
def test_man_has_no_warnings(manual, page):
    run = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z",
                          f"man{page[-1]}/{page}"], cwd=manual, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout


@pytest.mark.parametrize("page, names", {
    "checkpgprimary.1": {"checkpgprimary", "checkpgstandby"},
    "checkpgroutes.1": {"checkpgroutes"},
    "checkpg.conf.5": {"checkpg.conf"}}.items())
def test_apropos_finds_every_name(page, names):
    found = subprocess.run(["lexgrog", DOCS / page], capture_output=True, text=True, check=True)
    assert set(re.findall(r': "(\S+) - ', found.stdout)) == names


@pytest.mark.parametrize("page", PAGES)
def test_man_shows_the_file_by_its_path(page):
    run = subprocess.run(["man", "-E", "UTF-8", "-l", DOCS / page], cwd=DOCS.parent,
                         capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    assert "\nDESCRIPTION\n" in run.stdout


def test_checkpgstandby_is_a_second_name():
    """A link, which man -l can follow; `.so` it looks for from where it is called."""
    assert (DOCS / "checkpgstandby.1").readlink() == Path("checkpgprimary.1")


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_refer_to_pages_that_exist(page):
    text = (DOCS / page).read_text()
    for name, section in re.findall(r"^\.BR (checkpg\S+) \((\d)\)", text, re.M):
        assert f"{name}.{section}" in PAGES
