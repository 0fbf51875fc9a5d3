"""What a real unMTA draws at random, made from a seed: DKIM keys, passwords, tokens, ids.

The same seed and names give the same values, in any order of calls. They look real and protect
nothing: the DKIM keys have no private half. State files do not hold them, so a change here needs a
new version of their format.
"""

import base64
import hashlib
import string

from .rules import DOMAIN_KEY, DOMAIN_NEW_KEY, DOMAIN_OWN_KEY, PASSWORD_HASHED, obeys

_ALPHANUMERIC = string.ascii_letters + string.digits
_MODULUS_BYTES = 256

# The DER around the modulus n: SEQUENCE { SEQUENCE { rsaEncryption, NULL }, BIT STRING { SEQUENCE
# { n, e } } }. The zero byte before n keeps an INTEGER positive whose top bit is set; e is 65537.
_DER_HEAD = bytes.fromhex("30820122300d06092a864886f70d01010105000382010f003082010a0282010100")
_DER_TAIL = bytes.fromhex("0203010001")


def _draw(size: int, seed: int, *names: str | int) -> bytes:
    return hashlib.shake_256(repr((seed, names)).encode()).digest(size)


def _draw_text(size: int, seed: int, *names: str | int) -> str:
    return "".join(_ALPHANUMERIC[byte % 62] for byte in _draw(size, seed, *names))


@obeys(DOMAIN_KEY, DOMAIN_OWN_KEY, DOMAIN_NEW_KEY)
def dkim_public_key(seed: int, cluster: str, name: str, generation: int) -> str:
    """Make the public half of a DKIM key: base64 of its SubjectPublicKeyInfo, 392 characters.

    Args:
        seed: The sandbox's seed.
        cluster: The cluster's id.
        name: The domain.
        generation: How often the cluster has had the name before.
    """
    modulus = bytearray(_draw(_MODULUS_BYTES, seed, "dkim", cluster, name, generation))
    modulus[0] |= 0x80
    modulus[-1] |= 0x01
    return base64.b64encode(_DER_HEAD + modulus + _DER_TAIL).decode()


def password(seed: int, cluster: str, user: str, generation: int) -> str:
    """Make a credential's password: 32 letters and digits."""
    return _draw_text(32, seed, "password", cluster, user, generation)


@obeys(PASSWORD_HASHED)
def password_hash(value: str) -> str:
    """Return what is kept of a password; at 190 random bits it needs neither salt nor slowness."""
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


def token(seed: int, number: int) -> str:
    """Make the account's API token of this number."""
    return f"{number}|sandbox{_draw_text(33, seed, 'token', number)}"


def identifier(seed: int, *names: str | int) -> str:
    """Make an id of eight small letters and digits."""
    return _draw_text(8, seed, "id", *names).lower()
