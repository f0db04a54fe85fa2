"""A certification authority of the test's own, and the certificates it signs. Uses openssl(1)."""

import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from . import scratch

_CONFIGURATION = """
[ca]
default_ca = authority
[authority]
database = {directory}/index.txt
new_certs_dir = {directory}
rand_serial = yes
default_md = sha256
policy = anything
unique_subject = no
default_crl_days = 2
[anything]
commonName = supplied
"""

_NEW_KEY = {"P-256": ["-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
            "RSA-2048": ["-nodes", "-newkey", "rsa:2048"]}


@dataclass(frozen=True)
class Certificate:
    """Paths of a certificate and its private key, which only their owner may read."""
    certificate: Path
    key: Path


class Authority:
    """Signs certificates. `certificate` is what a client trusts: its `sslrootcert`.

    All its keys, its own too, are of one kind: "P-256" or "RSA-2048"."""

    def __init__(self, name="Test authority", *, key="P-256"):
        self._new_key = _NEW_KEY[key]
        self._directory = scratch.directory("authority")
        (self._directory / "index.txt").touch()
        (self._directory / "openssl.cnf").write_text(
            _CONFIGURATION.format(directory=self._directory))
        self._count = 0
        self.certificate = self._directory / "root.crt"
        self._key = self._directory / "root.key"
        _openssl("req", "-x509", *self._new_key, "-keyout", self._key, "-subj", f"/CN={name}",
                 "-days", "2", "-out", self.certificate)

    def issue(self, common_name, *, names=(), addresses=(), expired=False):
        """A certificate for a server (its DNS `names` and IP `addresses`) or a client (its role as
        `common_name`). An expired one was good until yesterday."""
        self._count += 1
        stem = self._directory / f"{self._count}-{common_name}"
        made = Certificate(stem.with_suffix(".crt"), stem.with_suffix(".key"))
        request, extensions = stem.with_suffix(".csr"), stem.with_suffix(".ext")
        alternatives = [f"DNS:{name}" for name in names] + [f"IP:{a}" for a in addresses]
        extensions.write_text("basicConstraints = CA:FALSE\n" + (
            f"subjectAltName = {', '.join(alternatives)}\n" if alternatives else ""))
        _openssl("req", *self._new_key, "-keyout", made.key, "-subj", f"/CN={common_name}",
                 "-out", request)
        begin, end = _validity(expired)
        _openssl("ca", "-batch", "-notext", "-config", self._directory / "openssl.cnf",
                 "-cert", self.certificate, "-keyfile", self._key, "-startdate", begin,
                 "-enddate", end, "-extfile", extensions, "-in", request, "-out", made.certificate)
        return made

    def revoke(self, certificate):
        """Takes a certificate back: it is in revocation_list() from now on."""
        _openssl("ca", "-config", self._directory / "openssl.cnf", "-cert", self.certificate,
                 "-keyfile", self._key, "-revoke", certificate.certificate)

    def revocation_list(self, *, strangers=0):
        """A file with all that was revoked, and so many more that nobody has: each takes 51 bytes."""
        revoked = scratch.directory("revoked") / "root.crl"
        lines = [f"R\t491231235959Z\t250101000000Z\t{number:040X}\tunknown\t/CN=stranger\n"
                 for number in range(1 << 150, (1 << 150) + strangers)]
        database = self._directory / "index.txt"
        before = database.read_text()
        database.write_text(before + "".join(lines))
        try:
            _openssl("ca", "-config", self._directory / "openssl.cnf", "-cert", self.certificate,
                     "-keyfile", self._key, "-gencrl", "-out", revoked)
        finally:
            database.write_text(before)
        return revoked


def _validity(expired):
    now = datetime.now(timezone.utc)
    begin, end = ((now - timedelta(days=10), now - timedelta(days=1)) if expired
                  else (now - timedelta(days=1), now + timedelta(days=2)))
    return begin.strftime("%Y%m%d%H%M%SZ"), end.strftime("%Y%m%d%H%M%SZ")


def _openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)
    if done.returncode:
        raise RuntimeError(f"openssl {arguments[0]} failed: {done.stderr}")
