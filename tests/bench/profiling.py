"""Where the instructions of one check go: inclusive counts of a few functions, by callgrind."""

import re
import shutil
import subprocess
from collections import Counter

from harness import scratch

#: Functions of OpenSSL that don't contain each other, and what they do.
PARTS = {
    "SSL_CTX_new": "fetching every cipher and digest from OpenSSL's providers",
    "x509_pubkey_ex_d2i_ex": "public keys of four certificates (ours, the authority's, the two "
                             "the server sends), each with decoders set up anew",
    "SSL_use_PrivateKey_file": "our private key, likewise",
    "tls_construct_cert_verify": "our signature",
    "tls_process_cert_verify": "the server's signature, verified",
    "X509_verify_cert": "certificate chains, verified",
    "tls_construct_client_hello": "our key shares",
    "tls_process_server_hello": "key exchange",
    "CONF_modules_load_file_ex": "openssl.cnf, with the first use of error texts",
    "OPENSSL_cleanup": "freeing everything at the end",
}


def profile(command):
    """{function: instructions} for PARTS, and "total". The executable must have its names."""
    out = scratch.directory("profile") / "out"
    subprocess.run([shutil.which("valgrind"), "--tool=callgrind", f"--callgrind-out-file={out}",
                    *command.arguments], env={**command.environment, "HOME": "/"}, cwd="/",
                   check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=120)
    return _inclusive(out.read_text())


def _inclusive(text):
    """Reads callgrind's format: a `calls=` line is followed by one with the callee's cost."""
    names, found = {}, Counter()
    callee, is_call = None, False
    for line in text.splitlines():
        if match := re.match(r"c?fn=\((\d+)\)(?: (.*))?", line):
            if match[2]:
                names[match[1]] = match[2]
            if line.startswith("c"):
                callee = names[match[1]]
        elif line.startswith("calls="):
            is_call = True
        elif is_call:
            is_call = False
            if callee in PARTS:
                found[callee] += int(line.split()[1])
        elif line.startswith(("totals:", "summary:")):
            found["total"] = int(line.split()[1])
    return dict(found)
