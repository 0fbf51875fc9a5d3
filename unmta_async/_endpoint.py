"""Where requests go: the base URL and the proxy, checked before anything is sent."""

from __future__ import annotations

import ipaddress
import urllib.request

from yarl import URL

from .errors import UsageError
from .secret import Secret

__all__ = ["check_base_url", "check_proxy", "host_of", "proxy_from_environment"]


def check_base_url(text: str, *, allow_http: bool) -> str:
    """Return a base URL without its trailing slash.

    Raises:
        UsageError: It is no absolute URL of a folder, or plain http to a host that is not this
            machine.
    """
    try:
        url = URL(text)
        (url.host or "").encode("idna")  # asyncio does, and fails with the request in its traceback
    except ValueError:
        url = URL()
    if not _is_http(url) or "@" in url.raw_authority or url.query or url.fragment:
        raise UsageError(
            "base_url must be an absolute https URL without user, query or fragment, such as "
            "https://app.unmta.com/api/v1"
        )
    if url.scheme == "http" and not allow_http and not _is_loopback(url.host or ""):
        raise UsageError(
            f"base_url is plain http to {url.host}, which would send the token in the clear; "
            "use https, or say allow_http=True"
        )
    return str(url).rstrip("/")


def host_of(base_url: str) -> str:
    """Return what the header `Host` says: the host, and the port unless it is the usual one."""
    return URL(base_url).host_port_subcomponent or ""


def check_proxy(proxy: Secret | None) -> None:
    """Refuse a proxy that aiohttp cannot use.

    Raises:
        UsageError: It is no absolute http URL.
    """
    try:
        usable = proxy is None or _is_http(URL(proxy.reveal()))
    except ValueError:
        usable = False
    if not usable:
        raise UsageError("proxy must be an absolute http URL, such as http://proxy:3128")


def proxy_from_environment(base_url: str) -> Secret | None:
    """Return the proxy that the environment names for a URL; it may hold a password."""
    url = URL(base_url)
    if urllib.request.proxy_bypass(url.host or ""):
        return None
    proxy = urllib.request.getproxies().get(url.scheme)
    return None if proxy is None else Secret(proxy)


def _is_http(url: URL) -> bool:
    return url.scheme in {"http", "https"} and bool(url.host)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
