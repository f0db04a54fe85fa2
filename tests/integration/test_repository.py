"""What the repository says of itself: one version, the page and the picture of its architecture, and links
that lead somewhere."""

import html
import re
from collections import Counter
from datetime import datetime

import pytest
from harness.checks import REPOSITORY, run_check
from harness.markdown import headings, links_in
from harness.packages import EXECUTABLES, version

DOCS = REPOSITORY / "docs"
ARCHITECTURE = DOCS / "architecture.md"
PICTURE = DOCS / "architecture.svg"
PICTURE_SOURCE = DOCS / "architecture.dot"

#: Built, fetched or somebody's own.
NOT_OURS = {"build", ".git", ".cache"}


def markdown_files():
    return sorted(str(path.relative_to(REPOSITORY)) for path in REPOSITORY.rglob("*.md")
                  if not NOT_OURS & set(path.relative_to(REPOSITORY).parts))


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


# The picture


def labels_of_source():
    """Each line of each label, without the blanks that keep it off its arrow."""
    labels = re.findall(r'label="([^"]*)"', PICTURE_SOURCE.read_text())
    return Counter(line.strip() for label in labels for line in re.split(r"\\[nlr]", label)
                   if line.strip())


def texts_of_picture():
    texts = re.findall(r"<text [^>]*>([^<]*)</text>", PICTURE.read_text())
    return Counter(text for text in (html.unescape(text).strip() for text in texts) if text)


def test_the_picture_has_the_words_of_its_source():
    """Where they stand depends on Graphviz and its fonts."""
    assert labels_of_source() == texts_of_picture()


def test_the_picture_has_the_arrows_of_its_source():
    drawn = re.findall(r"<title>(\w+)&#45;&gt;(\w+)</title>", PICTURE.read_text())
    written = re.findall(r"^ *(\w+) -> (\w+)", PICTURE_SOURCE.read_text(), re.M)
    assert written and Counter(drawn) == Counter(written)


def luminance(colour):
    """Of #rrggbb, as WCAG 2 defines it."""
    parts = (int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
              for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_picture_can_be_read_on_white_and_on_black():
    """A contrast of 4.5, WCAG's for text, on both; what is filled is no more than an arrow's head."""
    picture = PICTURE.read_text()
    colours = set(re.findall(r'(?:fill|stroke)="([^"]*)"', picture)) - {"none", "transparent"}
    assert colours and all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in colours), colours
    for colour in colours:
        assert 1.05 / (luminance(colour) + 0.05) >= 4.5, f"{colour} on white"
        assert (luminance(colour) + 0.05) / 0.05 >= 4.5, f"{colour} on black"
    shapes = re.findall(r'<path fill="([^"]*)"', picture)
    assert shapes and set(shapes) <= {"none", "transparent"}
    # Without a colour of its own a text is black.
    assert all('fill="' in text for text in re.findall(r"<text [^>]*>", picture))


# The page


def named_in_architecture():
    """Every path in the page: what stands in backticks and has a slash or a file's ending."""
    quoted = re.findall(r"`([^`\n]+)`", ARCHITECTURE.read_text())
    return {text for text in quoted
            if re.fullmatch(r"[\w./-]+(/|\.(cpp|hpp|c|py|md|conf|cfg|yml|txt))|[\w.-]+(/[\w.-]+)+", text)
            and not text.startswith("/")}


def not_there(names):
    """Sources may be named as includes name them, from src on."""
    return [name for name in sorted(names)
            if not (REPOSITORY / name).exists() and not (REPOSITORY / "src" / name).exists()]


def test_every_path_in_the_architecture_exists():
    assert not_there(named_in_architecture()) == []


@pytest.mark.parametrize("document", ["CONTRIBUTING.md", "docs/testing.md"])
def test_every_source_that_a_page_names_exists(document):
    names = set(re.findall(r"[\w./-]+\.(?:cpp|hpp|c)\b", (REPOSITORY / document).read_text()))
    assert names and not_there(names) == []


def test_every_owner_has_what_it_owns():
    """`judge()` in `check/verdict.cpp`."""
    owners = re.findall(r"`([\w:]+)(?:\(\))?` in `([\w/.]+)`", ARCHITECTURE.read_text())
    assert len(owners) > 5
    for name, file in owners:
        source = (REPOSITORY / "src" / file).read_text()
        assert all(re.search(rf"\b{part}\b", source) for part in name.split("::")), (name, file)


def test_every_source_is_in_the_architecture():
    sources = {str(path.relative_to(REPOSITORY / "src"))
               for folder in ("base", "check", "libpq", "routes", "survey")
               for path in (REPOSITORY / "src" / folder).iterdir() if path.suffix != ".txt"}
    sources |= {f"tools/{path.name}" for path in (REPOSITORY / "tools").glob("*.[ch]pp")}
    # A header is beside its source; one alone is named itself.
    headers = {name for name in sources if name.endswith(".hpp")
               and name.replace(".hpp", ".cpp") in sources}
    assert sources - headers - named_in_architecture() == set()


def test_every_folder_is_in_the_architecture():
    folders = {f"{path.name}/" for path in REPOSITORY.iterdir()
               if path.is_dir() and not path.name.startswith(".") and path.name != "build"}
    assert folders - named_in_architecture() == set()


# Links


@pytest.mark.parametrize("document", markdown_files())
def test_the_links_of_markdown_lead_to_files(document):
    path = REPOSITORY / document
    for link, anchor in links_in(path.read_text()):
        target = path.parent / link if link else path
        assert target.exists(), link
        assert not anchor or anchor in headings(target.read_text()), f"{link}#{anchor}"
