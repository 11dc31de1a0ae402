"""What the scripts beside this one share."""

import datetime
import ipaddress
import os
import socket
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def until(what, check, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = check()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s for {what}")


def make_certificate(cert, key, names=("localhost", "127.0.0.1")):
    """Writes a certificate that signed itself, and its key."""
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    now = datetime.datetime.now(datetime.timezone.utc)

    def named(text):
        try:
            return x509.IPAddress(ipaddress.ip_address(text))
        except ValueError:
            return x509.DNSName(text)

    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([named(n) for n in names]), False)
        .sign(secret, hashes.SHA256())
    )
    with open(cert, "wb") as f:
        f.write(made.public_bytes(serialization.Encoding.PEM))
    with open(key, "wb") as f:
        form = serialization.PrivateFormat.PKCS8
        f.write(secret.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    os.chmod(key, 0o600)
