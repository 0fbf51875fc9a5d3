"""The keys that are made from the seed."""

import base64

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from unmta_async.sandbox import keys, rules

from .proofs import proves


@proves(rules.DOMAIN_KEY)
def test_dkim_keys_are_rsa_2048():
    for generation in range(200):
        text = keys.dkim_public_key(1, "a1b2c3d4", "example.com", generation)
        key = load_der_public_key(base64.b64decode(text, validate=True))
        assert isinstance(key, RSAPublicKey)
        assert (key.key_size, key.public_numbers().e, len(text)) == (2048, 65537, 392)


def test_what_is_drawn_stays_the_same():
    """State files hold no keys: drawing others needs a new version of their format."""
    assert keys.token(1, 1) == "1|sandboxnqehNSnWsUJdGgWY8eb2kSbIPHjrXNtKV"
    assert keys.password(1, "a1b2c3d4", "app", 0) == "Nimu4JEL6leZphnw3PQW9Y47d245IiOJ"
    assert keys.dkim_public_key(1, "a1b2c3d4", "example.com", 0)[44:64] == "+tFojO1Pjeb4W9Ob/zrd"
