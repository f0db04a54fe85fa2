"""What is in the packages, what they need, and that the tools of both kinds have no complaint."""

import json
import re
import stat

import pytest
from harness import scratch
from harness.checks import REPOSITORY, run_check
from harness.markdown import dead_links, links_in
from harness.packages import (EXECUTABLES, deb_package, output_of, rpm_package, selinux_package,
                              version)

DOCUMENTS = ["CHANGELOG.md", "README.md", "architecture.svg", "checkpg.conf", "compare-checks",
             "create-role.sql", "fips.md", "grafana-dashboard.json", "haproxy.cfg", "keepalived.conf",
             "monitoring.md", "performance.md", "prometheus-rules.yml", "reference.md",
             "replacing-pgroute66.md", "selinux.md", "split-brain.md", "stolon.md"]
LICENCES = ["Apache-2.0", "GPL-3", "LGPL-2.1", "checkpg", "cli11", "fmt", "glibc", "libpq",
            "libstdc++", "nlohmann-json", "openssl"]

FILES = {
    **{f"/usr/bin/{name}": 0o755 for name in EXECUTABLES},
    "/usr/libexec/checkpg/haproxy-server-state": 0o755,
    "/etc/checkpg/checkpg.conf": 0o644,
    **{f"/usr/share/man/man1/{name}.1.gz": 0o644 for name in EXECUTABLES},
    "/usr/share/man/man5/checkpg.conf.5.gz": 0o644,
    **{f"/usr/share/doc/checkpg/{name}": 0o755 if name == "compare-checks" else 0o644
       for name in DOCUMENTS},
    **{f"/usr/share/bash-completion/completions/{name}": 0o644 for name in EXECUTABLES},
    "/usr/share/zsh/site-functions/_checkpg": 0o644,
    **{f"/usr/share/licenses/checkpg/{name}": 0o644 for name in LICENCES}}

#: Second names of others.
LINKS = {"/usr/share/man/man1/checkpgstandby.1.gz",
         "/usr/share/bash-completion/completions/checkpgstandby",
         "/usr/share/bash-completion/completions/checkpgroutes"}
#: Where Debian's zsh looks.
RENAMED = {"/usr/share/zsh/site-functions/_checkpg": "/usr/share/zsh/vendor-completions/_checkpg"}
#: Debian wants these.
DEBIAN_FILES = {"/usr/share/doc/checkpg/changelog.Debian.gz": 0o644,
                "/usr/share/doc/checkpg/copyright": 0o644,
                "/usr/share/lintian/overrides/checkpg": 0o644}


def files_of_rpm(package):
    """(path, mode, owner, group, is_configuration, is_document) of each entry."""
    for line in output_of("rpm", "-qp", "--dump", package).splitlines():
        path, _size, _time, _digest, mode, owner, group, configuration, document, *_ = line.split()
        yield path, int(mode, 8), owner, group, configuration == "1", document == "1"


def files_of_deb(package):
    """(path, is_directory, mode, owner) of each entry."""
    for line in output_of("dpkg-deb", "--contents", package).splitlines():
        kind, owner, _size, _date, _time, path = line.split(maxsplit=5)
        path, is_link, _ = path.removeprefix(".").partition(" -> ")
        bits = sum(1 << (8 - i) for i, letter in enumerate(kind[1:10]) if letter != "-")
        yield path, kind[0] == "d", 0o644 if is_link else bits, owner


def without_compressions_of_more_libraries(files):
    """Debian 13's libcrypto contains two more."""
    return {path: mode for path, mode in files.items()
            if path not in ("/usr/share/licenses/checkpg/zlib",
                            "/usr/share/licenses/checkpg/libzstd")}


def test_the_files_of_the_rpm_and_their_modes():
    entries = list(files_of_rpm(rpm_package()))
    files = {path: stat.S_IMODE(mode) for path, mode, *_ in entries if stat.S_ISREG(mode)}
    links = {path for path, mode, *_ in entries if stat.S_ISLNK(mode)}
    assert links == LINKS
    files |= {path: FILES[path] for path in links}
    assert without_compressions_of_more_libraries(files) == FILES
    assert {(owner, group) for _, _, owner, group, _, _ in entries} == {("root", "root")}
    assert {path for path, _, _, _, configuration, _ in entries if configuration} == {
        "/etc/checkpg/checkpg.conf"}
    assert {path: stat.S_IMODE(mode) for path, mode, *_ in entries if stat.S_ISDIR(mode)} == {
        path: 0o755 for path in ("/etc/checkpg", "/usr/share/bash-completion",
                                 "/usr/share/bash-completion/completions",
                                 "/usr/share/doc/checkpg", "/usr/share/licenses/checkpg",
                                 "/usr/libexec/checkpg", "/usr/share/zsh", "/usr/share/zsh/site-functions")}


def test_the_files_of_the_deb_are_the_same():
    entries = list(files_of_deb(deb_package()))
    files = {path: mode for path, is_directory, mode, _ in entries if not is_directory}
    renamed = {RENAMED.get(path, path): mode for path, mode in FILES.items()}
    assert without_compressions_of_more_libraries(files) == {**renamed, **DEBIAN_FILES}
    assert {owner for *_, owner in entries} == {"root/root"}
    assert {mode for _, is_directory, mode, _ in entries if is_directory} == {0o755}
    assert output_of("dpkg-deb", "--info", deb_package(), "conffiles").split() == [
        "/etc/checkpg/checkpg.conf"]


def test_the_selinux_package_is_one_file():
    files = [(path, stat.S_IMODE(mode)) for path, mode, *_ in files_of_rpm(selinux_package())]
    assert files == [("/usr/share/selinux/packages/checkpg.cil", 0o644)]


def unpacked_rpm():
    directory = scratch.directory("rpm")
    output_of("sh", "-c", 'rpm2cpio "$0" | cpio --extract --make-directories --quiet', rpm_package(),
              cwd=directory)
    return directory


def unpacked_deb():
    directory = scratch.directory("deb")
    output_of("dpkg-deb", "--extract", deb_package(), directory)
    return directory


@pytest.mark.parametrize("unpack", [unpacked_rpm, unpacked_deb])
class TestUnpacked:
    """What is installed is complete in itself."""

    @pytest.fixture
    def root(self, unpack):
        return unpack()

    def test_the_links_of_the_documents(self, root):
        """None leads to a file of the sources, and none is lost that could lead somewhere."""
        pages = list((root / "usr/share/doc/checkpg").glob("*.md"))
        assert {page.name for page in pages} == {name for name in DOCUMENTS if name.endswith(".md")}
        assert list(dead_links(pages)) == []
        readme = (root / "usr/share/doc/checkpg/README.md").read_text()
        assert {*DOCUMENTS} - {"README.md", "compare-checks"} <= {link for link, _ in links_in(readme)}

    def test_pages_can_be_read_by_name_and_by_path(self, root):
        for name in EXECUTABLES:
            page = root / f"usr/share/man/man1/{name}.1.gz"
            for arguments in (("-l", page), ("-M", root / "usr/share/man", name)):
                assert "EXIT STATUS" in output_of("man", "-E", "UTF-8", *arguments)


def test_the_packages_depend_on_nothing():
    """But rpm's own abilities, and those are older than the rpm of EL 8, 4.14."""
    requires = output_of("rpm", "-qp", "--requires", rpm_package()).splitlines()
    assert sorted(requires) == [
        f"config(checkpg) = {version()}-1",
        "rpmlib(CompressedFileNames) <= 3.0.4-1",
        "rpmlib(FileDigests) <= 4.6.0-1",
        "rpmlib(PayloadFilesHavePrefix) <= 4.0-1",
        "rpmlib(RichDependencies) <= 4.12.0-1"]
    assert "Depends:" not in output_of("dpkg-deb", "--info", deb_package())


def test_with_the_systems_libraries_the_spec_needs_and_bundles_no_archives():
    """Packed so on EL, where there are none."""
    spec = REPOSITORY / "packaging/rpm/checkpg.spec"

    def asked(*arguments):
        return output_of("rpmspec", "-q", *arguments, "--without", "static", spec).split()

    needs = asked("--srpm", "--buildrequires")
    assert {"libpq-devel", "openssl-devel"} <= set(needs)
    assert [name for name in needs if "static" in name] == []
    bundled = {name for name in asked("--provides") if name.startswith("bundled(")}
    assert bundled == {"bundled(fmt)", "bundled(cli11)", "bundled(nlohmann-json)"}
    commands = output_of("rpmspec", "-P", "--without", "static", spec)
    preset, = set(re.findall(r"--preset (\S+)", commands))
    build = next(build for build in json.loads((REPOSITORY / "CMakePresets.json").read_text())[
        "configurePresets"] if build["name"] == preset)
    assert (build["inherits"], build["cacheVariables"]) == ("dynamic", {"BUILD_TESTING": False})
    assert f"cmake --install build/{preset} --strip" in commands


def test_the_selinux_package_requires_what_it_calls():
    requires = set(output_of("rpm", "-qp", "--requires", selinux_package()).splitlines())
    assert {line for line in requires if not line.startswith("rpmlib(")} == {
        f"checkpg = {version()}-1", "/bin/sh", "policycoreutils", "selinux-policy-targeted"}


@pytest.mark.parametrize("package", [rpm_package, selinux_package], ids=["checkpg", "selinux"])
def test_the_rpm_of_el_8_can_open_it(package):
    assert output_of("rpm", "-qp", "--queryformat", "%{PAYLOADCOMPRESSOR} %{FILEDIGESTALGO}",
                     package()) == "gzip 8"


def test_the_provides_name_what_is_linked_in():
    provides = dict(re.findall(r"^bundled\((\S+)\) = (\S+)$",
                               output_of("rpm", "-qp", "--provides", rpm_package()), re.M))
    assert {"cli11", "fmt", "glibc", "libpq", "libstdc++", "nlohmann-json", "openssl"} <= set(
        provides)
    for library, said in provides.items():
        assert re.fullmatch(r"\d+(\.\d+)+", said), library
    said = run_check(REPOSITORY / "build/package/bin/checkpgprimary", "--version").stdout
    assert f"\nlibpq {provides['libpq']}\nOpenSSL {provides['openssl']} " in said


def test_the_deb_names_the_sources_of_what_is_linked_in():
    linked = output_of("dpkg-deb", "--field", deb_package(), "Static-Built-Using")
    sources = [re.fullmatch(r"(\S+) \(= \S+\)", part).group(1)
               for part in linked.strip().split(", ")]
    for source in ("cli11", "fmtlib", "gcc-", "glibc", "nlohmann-json3", "openssl", "postgresql-"):
        assert any(name.startswith(source) for name in sources), source


def test_rpmlint_has_no_complaint():
    said = output_of("rpmlint", "-c", REPOSITORY / "packaging/rpm/rpmlint.toml", rpm_package(),
                     selinux_package(), REPOSITORY / "packaging/rpm/checkpg.spec")
    assert "2 packages and 1 specfiles checked; 0 errors, 0 warnings" in said, said


def test_lintian_has_no_complaint():
    said = output_of("lintian", "--allow-root", "--fail-on", "error,warning", deb_package())
    assert said.strip() == ""
