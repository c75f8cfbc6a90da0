"""A restic key that is derived quickly: restic makes each of its starts derive for half a second on purpose, and these
tests start it a thousand times. The formats are those of restic's design document, section "Keys, Encryption and MAC".
"""

import base64
import hashlib
import json
import os

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.poly1305 import Poly1305

# r of Poly1305 has these bits only.
MASK = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
QUICK = {"N": 1024, "r": 1, "p": 1}


def quickened(key: bytes, password: str) -> tuple[str, bytes]:
    """Name and content of a key file that opens the same repository with the same password."""
    slow = json.loads(key)
    master = _crypt(_derived(slow, password)[:32], base64.b64decode(slow["data"])[:-16])
    quick = {**slow, **QUICK}
    iv = os.urandom(16)
    derived = _derived(quick, password)
    sealed = iv + _crypt(derived[:32], iv + master)
    quick["data"] = base64.b64encode(sealed + _mac(derived[32:], sealed)).decode()
    content = json.dumps(quick).encode()
    return hashlib.sha256(content).hexdigest(), content


def _derived(key: dict, password: str) -> bytes:
    """For AES-256 32 bytes, for Poly1305-AES k and r."""
    salt = base64.b64decode(key["salt"])
    return hashlib.scrypt(password.encode(), salt=salt, n=key["N"], r=key["r"], p=key["p"], dklen=64, maxmem=1 << 30)


def _crypt(key: bytes, sealed: bytes) -> bytes:
    """What follows the initialization vector, en- or decrypted."""
    return Cipher(algorithms.AES(key), modes.CTR(sealed[:16])).encryptor().update(sealed[16:])


def _mac(key: bytes, sealed: bytes) -> bytes:
    k, r = key[:16], int.from_bytes(key[16:], "little") & MASK
    s = Cipher(algorithms.AES(k), modes.ECB()).encryptor().update(sealed[:16])  # noqa: S305 (one block, as specified)
    return Poly1305.generate_tag(r.to_bytes(16, "little") + s, sealed[16:])
