"""The answers of the API as bytes, the same for every contender. Nothing here listens."""

from __future__ import annotations

import base64
import json
import random
from functools import cache
from typing import Final

__all__ = ["created_credential", "domain", "domain_list", "domain_name", "response"]

_MADE: Final = '"created_at":"2025-01-15T10:30:00Z","updated_at":"2025-01-15T12:45:00Z"'
# The first bytes of every 2048 bit RSA key in DER; its other 261 are as good as random.
_DER_HEAD: Final = base64.b64decode("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA")
_REASONS: Final = {200: "OK", 201: "Created", 404: "Not Found"}
# As many headers as an application behind a proxy sends.
_HEADERS: Final = (
    "Server: nginx\r\n"
    "Date: Wed, 15 Jan 2025 12:45:00 GMT\r\n"
    "Cache-Control: no-cache, private\r\n"
    "X-RateLimit-Limit: 100000\r\n"
    "X-RateLimit-Remaining: 99999\r\n"
    "Connection: keep-alive\r\n"
    "Content-Type: application/json\r\n"
)


def response(status: int, body: bytes) -> bytes:
    """Return a whole answer: status line, headers and body."""
    head = f"HTTP/1.1 {status} {_REASONS[status]}\r\n{_HEADERS}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def domain_name(number: int) -> str:
    """Return the name of the domain with this number."""
    return f"customer-{number:06}.example.com"


def domain(name: str) -> bytes:
    """Return the body that tells of one domain."""
    key = _first_key()
    records = (
        f'{{"dkim":{{"type":"TXT","name":"unmta._domainkey","value":"p={key}"}},'
        '"dmarc":{"type":"TXT","name":"_dmarc","value":"v=DMARC1; p=reject; adkim=s; aspf=r"}}'
    )
    return (
        f'{{"data":{{"name":{json.dumps(name)},"status":"pending","dkim_public_key":"{key}",'
        f'{_MADE},"dns_records":{records}}}}}'
    ).encode()


def domain_list(size: int) -> bytes:
    """Return the body that lists so many domains, each with a key of its own."""
    statuses = ("verified", "pending")
    items = (
        f'{{"name":"{domain_name(number)}","status":"{statuses[number % 2]}",'
        f'"dkim_public_key":"{_key(number)}",{_MADE}}}'
        for number in range(size)
    )
    return f'{{"data":[{",".join(items)}]}}'.encode()


def created_credential(user: str) -> bytes:
    """Return the body that tells of a new credential and its password."""
    return (
        f'{{"data":{{"user":{json.dumps(user)},"allow_all_domains":true,"domains":[],'
        f'"allow_all_ips":true,"allowed_ips":[],{_MADE}}},'
        '"password":"aB3dEfGhIjKlMnOpQrStUvWxYz123456"}'
    ).encode()


@cache
def _first_key() -> str:
    return _key(0)


def _key(number: int) -> str:
    body = random.Random(number).randbytes(261)  # noqa: S311 - looks like a key, and is none
    return base64.b64encode(_DER_HEAD + body).decode()
