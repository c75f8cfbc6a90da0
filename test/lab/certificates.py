"""The lab's own certificate authority, and one server certificate for every AWS host name the machine uses."""

import datetime
import ipaddress
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from . import settings

AUTHORITY = settings.CERTIFICATES / "ca.pem"
CERTIFICATE = settings.CERTIFICATES / "server.pem"
KEY = settings.CERTIFICATES / "server.key"
LIFETIME = datetime.timedelta(days=825)
NAMES = [
    "github.com",
    settings.REGISTRY,
    f"*.{settings.REGION}.amazonaws.com",
    f"*.s3.{settings.REGION}.amazonaws.com",
    f"s3.dualstack.{settings.REGION}.amazonaws.com",
    f"*.s3.dualstack.{settings.REGION}.amazonaws.com",
    f"api.ecr.{settings.REGION}.amazonaws.com",
]


def ensure() -> None:
    """Makes the authority and the certificate once; images trust the authority, so it outlives `down`."""
    if AUTHORITY.exists() and CERTIFICATE.exists() and still_good(CERTIFICATE):
        return
    settings.CERTIFICATES.mkdir(parents=True, exist_ok=True)
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "OpenClaw lab test authority")])
    certificate = sign(
        authority,
        authority_key,
        authority,
        authority_key,
        [
            (x509.BasicConstraints(ca=True, path_length=0), True),
            (usage(key_cert_sign=True, crl_sign=True), True),
        ],
    )
    server_key = ec.generate_private_key(ec.SECP256R1())
    server = sign(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "OpenClaw lab")]),
        server_key,
        authority,
        authority_key,
        [
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (usage(digital_signature=True), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
            (
                x509.SubjectAlternativeName(
                    [
                        *(x509.DNSName(name) for name in NAMES),
                        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
                    ]
                ),
                False,
            ),
        ],
    )
    KEY.touch(mode=0o600)
    KEY.write_bytes(
        server_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    CERTIFICATE.write_bytes(pem(server))
    AUTHORITY.write_bytes(pem(certificate))


def still_good(path: pathlib.Path) -> bool:
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    ends = certificate.not_valid_after_utc
    return set(alternatives.get_values_for_type(x509.DNSName)) == set(NAMES) and ends > datetime.datetime.now(
        datetime.UTC
    ) + datetime.timedelta(days=7)


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def usage(**wanted: bool) -> x509.KeyUsage:
    names = [
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    ]
    return x509.KeyUsage(**{name: wanted.get(name, False) for name in names})


def sign(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    extensions: list[tuple[x509.ExtensionType, bool]],
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer_key, hashes.SHA256())
