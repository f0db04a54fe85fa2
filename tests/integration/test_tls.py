"""TLS: the server's certificate is verified by the server's name, ours is shown when asked for."""

import shutil
import subprocess

import pytest
from harness import certificates, scratch
from harness.checks import Code, ask, run_as_haproxy, run_check

NAME = "db1.example"
OK, DENIED = (Code.OK, ""), (Code.ACCESS_DENIED, "")


@pytest.fixture
def tls_primary(primary, authority):
    """A primary that insists on TLS and shows a certificate for db1.example."""
    primary.use_certificate(authority.issue("server", names=[NAME], addresses=["127.0.0.1"]))
    primary.authenticate("trust", connection="hostssl")
    return primary


@pytest.fixture
def strict(authority):
    return f"sslmode = verify-full\nsslrootcert = {authority.certificate}\n"


@pytest.mark.parametrize("program, code", [("checkpgprimary", Code.OK),
                                           ("checkpgstandby", Code.OTHER_ROLE)])
@pytest.mark.versions("TLS")
def test_the_certificate_is_verified_by_haproxys_name_of_the_server(tls_primary, strict, program,
                                                                    code):
    position = tls_primary.log_position()
    run = ask(program, tls_primary, server=NAME, configuration=strict)
    assert run.outcome == (code, "")
    assert "SSL enabled" in tls_primary.log(position)


@pytest.mark.versions("TLS")
def test_a_certificate_for_another_name(tls_primary, strict):
    run = ask("checkpgprimary", tls_primary, server="db2.example", configuration=strict)
    assert run.outcome == DENIED


def test_a_certificate_for_another_name_is_enough_for_verify_ca(tls_primary, authority):
    run = ask("checkpgprimary", tls_primary, server="db2.example",
              configuration=f"sslmode = verify-ca\nsslrootcert = {authority.certificate}\n")
    assert run.outcome == OK


def test_a_certificate_for_the_address_in_manual_form(tls_primary, strict):
    run = run_check("checkpgprimary", tls_primary.address, tls_primary.port, configuration=strict)
    assert run.code == Code.OK


def test_a_host_in_the_file_is_the_name_to_verify(tls_primary, strict):
    run = ask("checkpgprimary", tls_primary, server="server7",
              configuration=f"{strict}host = {NAME}\n")
    assert run.outcome == OK


@pytest.mark.versions("TLS")
def test_a_certificate_of_another_authority(tls_primary):
    stranger = certificates.Authority("Stranger")
    run = ask("checkpgprimary", tls_primary, server=NAME,
              configuration=f"sslmode = verify-full\nsslrootcert = {stranger.certificate}\n")
    assert run.outcome == DENIED


def test_an_expired_certificate(tls_primary, authority, strict):
    tls_primary.use_certificate(authority.issue("server", names=[NAME], expired=True))
    run = ask("checkpgprimary", tls_primary, server=NAME, configuration=strict)
    assert run.outcome == DENIED


def test_without_verification_any_certificate_will_do(tls_primary, authority):
    tls_primary.use_certificate(authority.issue("server", expired=True))
    for sslmode in ("require", "prefer"):
        run = ask("checkpgprimary", tls_primary, configuration=f"sslmode = {sslmode}\n")
        assert run.outcome == OK


def test_a_server_that_insists_on_tls_and_a_client_that_has_it_off(tls_primary):
    assert ask("checkpgprimary", tls_primary, configuration="sslmode = disable\n").outcome == DENIED


def test_a_client_that_insists_on_tls_and_a_server_that_has_it_off(primary):
    assert ask("checkpgprimary", primary, configuration="sslmode = require\n").outcome == DENIED


def test_over_a_unix_socket_there_is_no_tls_to_verify(primary, strict):
    run = run_as_haproxy("checkpgprimary", primary.socket, "NOT_USED", server=NAME,
                         configuration=strict)
    assert run.outcome == OK


@pytest.mark.parametrize("sslmode, text, reason", [
    ("verify-full", None, "certificate verify failed"),  # libssl's words
    ("verify-ca", "hello\n", "no certificate or crl found"),  # libcrypto's
    ("verify-ca", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "too long")])
def test_the_reason_in_openssls_words(tls_primary, tmp_path, sslmode, text, reason):
    root = tmp_path / "root.crt"
    root.write_text(text or certificates.Authority("Stranger").certificate.read_text())
    run = run_check("checkpgprimary", tls_primary.address, tls_primary.port,
                    configuration=f"sslmode = {sslmode}\nsslrootcert = {root}\n")
    assert reason in run.stdout + run.stderr


def test_a_root_certificate_that_does_not_exist_names_the_file(tls_primary):
    missing = scratch.directory("nothing") / "root.crt"
    run = ask("checkpgprimary", tls_primary,
              configuration=f"sslmode = verify-full\nsslrootcert = {missing}\n")
    assert (run.code, run.stdout) == (Code.CONFIGURATION, "")
    assert str(missing) in run.stderr and run.stderr.count("\n") == 1


@pytest.mark.parametrize("sslmode", ["verify-full", "require"])
@pytest.mark.versions("TLS")
def test_tls_and_a_password(tls_primary, authority, sslmode):
    tls_primary.authenticate("scram-sha-256", connection="hostssl")
    tls_primary.set_password("secret word")
    configuration = f"sslmode = {sslmode}\nsslrootcert = {authority.certificate}\n"
    assert ask("checkpgprimary", tls_primary, server=NAME, configuration=configuration,
               passwords=f"{NAME}:{tls_primary.port}:postgres:checkpg:secret word\n").outcome == OK
    assert ask("checkpgprimary", tls_primary, server=NAME, configuration=configuration,
               passwords="*:*:*:*:wrong\n").outcome == DENIED


class TestClientCertificate:
    """`cert` in pg_hba.conf: who we are is said by our certificate."""

    @pytest.fixture(autouse=True)
    def by_certificate(self, tls_primary, authority, strict):
        tls_primary.use_certificate(authority.issue("server", names=[NAME]), authority)
        tls_primary.authenticate("cert", connection="hostssl")
        self.primary, self.authority, self.strict = tls_primary, authority, strict

    def run_with(self, certificate):
        return ask("checkpgprimary", self.primary, server=NAME, configuration=(
            f"{self.strict}sslcert = {certificate.certificate}\nsslkey = {certificate.key}\n"))

    def ask_with(self, certificate):
        return self.run_with(certificate).outcome

    @pytest.mark.versions("TLS")
    def test_our_own_certificate(self):
        assert self.ask_with(self.authority.issue("checkpg")) == OK

    @pytest.mark.parametrize("form", [("ec",), ("pkcs8", "-topk8", "-v2")],
                             ids=["old PEM", "PKCS 8"])
    @pytest.mark.parametrize("cipher", ["aes-256-cbc", "des3"])
    def test_a_key_with_a_password(self, form, cipher):
        """In the old form OpenSSL looks the cipher up by its name."""
        certificate = self.authority.issue("checkpg")
        plain = certificate.key.rename(certificate.key.with_suffix(".plain"))
        command, *options = form
        cipher_option = ["-" + cipher] if command == "ec" else [cipher]
        subprocess.run(["openssl", command, *options, *cipher_option, "-in", plain,
                        "-out", certificate.key, "-passout", "pass:s3cret"],
                       check=True, capture_output=True)
        certificate.key.chmod(0o600)
        run = ask("checkpgprimary", self.primary, server=NAME, configuration=(
            f"{self.strict}sslcert = {certificate.certificate}\nsslkey = {certificate.key}\n"
            "sslpassword = s3cret\n"))
        assert run.outcome == OK

    def test_none_at_all(self):
        run = ask("checkpgprimary", self.primary, server=NAME, configuration=self.strict)
        assert run.outcome == DENIED

    def test_one_for_another_role(self):
        assert self.ask_with(self.authority.issue("somebody")) == DENIED

    def test_an_expired_one(self):
        assert self.ask_with(self.authority.issue("checkpg", expired=True)) == DENIED

    def test_one_of_another_authority(self):
        assert self.ask_with(certificates.Authority("Stranger").issue("checkpg")) == DENIED

    def test_what_the_server_has_against_it_is_told(self):
        certificate = certificates.Authority("Stranger").issue("checkpg")
        run = run_check("checkpgprimary", self.primary.address, self.primary.port, configuration=(
            f"sslmode = require\nsslcert = {certificate.certificate}\nsslkey = {certificate.key}\n"))
        assert run.code == Code.ACCESS_DENIED
        assert "alert unknown ca" in run.stdout

    def test_a_key_that_others_may_read_is_a_configuration_error(self):
        certificate = self.authority.issue("checkpg")
        certificate.key.chmod(0o644)
        self.assert_misconfigured(certificate)

    def test_a_key_that_belongs_to_another_certificate_is_a_configuration_error(self):
        certificate = self.authority.issue("checkpg")
        shutil.copyfile(self.authority.issue("checkpg").key, certificate.key)
        self.assert_misconfigured(certificate)

    def test_a_key_that_does_not_exist_is_a_configuration_error(self):
        certificate = self.authority.issue("checkpg")
        certificate.key.unlink()
        self.assert_misconfigured(certificate)

    def assert_misconfigured(self, certificate):
        run = self.run_with(certificate)
        assert (run.code, run.stdout) == (Code.CONFIGURATION, "")
        assert str(certificate.key) in run.stderr and run.stderr.count("\n") == 1
