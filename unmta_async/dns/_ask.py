"""Asking the authoritative name servers, since what resolvers keep is old.

A resolver tells the zone that a name is in, and the addresses of its servers. These are asked
without recursion, all of them, and referrals and aliases are followed. What the answers mean for a
record is decided elsewhere.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

import attrs
import dns.asyncquery
import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.resolver
import dns.rrset

from ..errors import UsageError, printable
from ._verdict import Failure, Look, Told, is_registry

if TYPE_CHECKING:
    from dns.rdtypes.ANY.TXT import TXT
    from dns.rdtypes.nsbase import NSBase

__all__ = ["Asker", "system_resolver"]

_K = TypeVar("_K")
_V = TypeVar("_V")
_Name = dns.name.Name
_Kind = dns.rdatatype.RdataType

_PAYLOAD: Final = 1232  # bytes over UDP that reach everybody, as DNS Flag Day 2020 has it
_LONGEST_CHAIN: Final = 8
_FIRST_SHARE: Final = 0.4  # of the time for a question; a lost datagram is sent once more
_GIVE_UP: Final = 5  # questions in a row: one dead server is not to hold up thousands of domains
_ERRORS: Final = (dns.exception.DNSException, OSError, EOFError, ValueError)


@attrs.frozen
class _Server:
    """A name server and where it is."""

    name: str
    addresses: tuple[str, ...]


@attrs.frozen
class _Zone:
    """A zone and who serves it."""

    apex: _Name
    servers: tuple[_Server, ...]


@attrs.frozen
class _Referral:
    """An answer that names the servers of a zone further down."""

    apex: _Name
    hosts: tuple[str, ...]


_Reply = Look | _Referral | Failure


def system_resolver() -> dns.asyncresolver.Resolver:
    """Return the resolver that this machine is set up with.

    Raises:
        UsageError: It is set up with none.
    """
    try:
        return dns.asyncresolver.Resolver()
    except dns.exception.DNSException as error:
        raise UsageError(f"this machine names no resolver, so give one: {error}") from None


class Asker:
    """Asks authoritative servers, and remembers which zone has which for as long as it lives.

    Args:
        resolver: Where zones and addresses are looked up; its ports are those of all servers.
        timeout: Seconds for one question.
        concurrency: Questions in flight at a time.
    """

    def __init__(
        self, resolver: dns.asyncresolver.Resolver, *, timeout: float, concurrency: int
    ) -> None:
        self._resolver = resolver
        self._timeout = timeout
        self._places = asyncio.Semaphore(concurrency)
        self._apexes = _Memory[_Name, _Name | Failure]()
        self._zones = _Memory[_Name, _Zone | Failure]()
        self._silent = Counter[str]()
        self._hosts = _Memory[str, _Server]()

    async def look(self, name: str, kind: str) -> Told:
        """Return what each server of its zone has at a name."""
        try:
            owner, rdtype = dns.name.from_text(name), dns.rdatatype.from_text(kind)
        except _ERRORS as error:
            return [("", Failure(f"{kind} {name} cannot be asked for: {error}"))]
        return await self._look(owner, rdtype, _LONGEST_CHAIN)

    async def _look(self, owner: _Name, kind: _Kind, hops: int) -> Told:
        zone = await self._zone_around(owner)
        for _ in range(hops):
            if isinstance(zone, Failure):
                return [("the resolver", zone)]
            replies = await self._ask_all(zone, owner, kind)
            referral = _referral(replies)
            if referral is None:
                return await self._follow(zone, replies, kind, hops)
            zone = await self._zone(referral.apex, referral.hosts)
        return [("", Failure(f"{owner} is where too many aliases and referrals lead"))]

    async def _follow(self, zone: _Zone, replies: Sequence[_Reply], kind: _Kind, hops: int) -> Told:
        """Return what was replied, aliases replaced by what stands where they lead."""
        aliases = {reply for reply in replies if isinstance(reply, Look) and reply.alias}
        behind = {look: await self._look_behind(look, kind, hops) for look in aliases}
        told: list[tuple[str, Look | Failure]] = []
        for server, reply in zip(zone.servers, replies, strict=True):
            if isinstance(reply, Look):
                told += [(server.name, each) for each in behind.get(reply, [reply])]
            elif isinstance(reply, Failure):
                told.append((server.name, reply))
        return told

    async def _look_behind(self, look: Look, kind: _Kind, hops: int) -> Sequence[Look | Failure]:
        told = await self._look(dns.name.from_text(look.alias), kind, hops - 1)
        found = dict.fromkeys(said.values for _, said in told if isinstance(said, Look))
        if found or not told:
            return [attrs.evolve(look, values=values) for values in found or [()]]
        reasons = "; ".join(
            f"{name} {said.reason}" for name, said in told if isinstance(said, Failure)
        )
        return [Failure(f"has an alias to {look.alias}, of which {reasons}")]

    # Which servers to ask.

    async def _zone_around(self, owner: _Name) -> _Zone | Failure:
        """Return a zone that a name is in; a referral may lead further down from there."""
        domain = _domain_of(owner)
        for name in _upwards(domain):
            known = self._zones.recall(name)
            if isinstance(known, _Zone) and not is_registry(str(name)):
                return known
        apex = await self._apexes.once(domain, lambda: self._find_apex(domain))
        return apex if isinstance(apex, Failure) else await self._zone(apex)

    async def _find_apex(self, domain: _Name) -> _Name | Failure:
        for name in _upwards(domain):
            response = await self._resolve(name, dns.rdatatype.SOA)
            if isinstance(response, Failure):
                return response
            apex = _apex_in(response, name)
            if apex is not None:
                return apex
        return Failure(f"knows no zone around {domain}")

    async def _zone(self, apex: _Name, hosts: Sequence[str] | None = None) -> _Zone | Failure:
        """Return a zone with these servers; without them, with those that the resolver tells."""
        return await self._zones.once(apex, lambda: self._make_zone(apex, hosts))

    async def _make_zone(self, apex: _Name, hosts: Sequence[str] | None) -> _Zone | Failure:
        if hosts is None:
            response = await self._resolve(apex, dns.rdatatype.NS)
            if isinstance(response, Failure):
                return response
            hosts = _hosts_in(response.answer, apex)
        return _Zone(apex, tuple(await asyncio.gather(*map(self._server, hosts))))

    async def _server(self, host: str) -> _Server:
        return await self._hosts.once(host, lambda: self._find_server(host))

    async def _find_server(self, host: str) -> _Server:
        kinds = (dns.rdatatype.A, dns.rdatatype.AAAA)
        name = dns.name.from_text(host)
        found = await asyncio.gather(*(self._resolve(name, kind) for kind in kinds))
        addresses = (
            data.to_text()
            for response, kind in zip(found, kinds, strict=True)
            if not isinstance(response, Failure)
            for data in _data_in(response.answer, kind)
        )
        return _Server(host.removesuffix("."), tuple(addresses))

    async def _resolve(self, name: _Name, kind: _Kind) -> dns.message.Message | Failure:
        """Return what the resolver says; where there is no such name, an answer without any."""
        try:
            async with self._places:
                answer = await self._resolver.resolve(
                    name, kind, raise_on_no_answer=False, search=False, lifetime=self._timeout
                )
        except dns.resolver.NXDOMAIN:
            return dns.message.Message()
        except _ERRORS as error:
            return Failure(f"could not find {dns.rdatatype.to_text(kind)} {name}: {_said(error)}")
        return cast("dns.message.Message", answer.response)

    # Asking them.

    async def _ask_all(self, zone: _Zone, owner: _Name, kind: _Kind) -> Sequence[_Reply]:
        return await asyncio.gather(
            *(self._ask(server, zone.apex, owner, kind) for server in zone.servers)
        )

    async def _ask(self, server: _Server, apex: _Name, owner: _Name, kind: _Kind) -> _Reply:
        reply: _Reply = Failure("has no address")
        for address in server.addresses:
            response = await self._exchange(address, owner, kind)
            if isinstance(response, Failure):
                reply = response
                continue
            reply = _read(response, apex, owner, kind)
            if not isinstance(reply, Failure):
                break
        return reply

    async def _exchange(
        self, address: str, owner: _Name, kind: _Kind
    ) -> dns.message.Message | Failure:
        if self._silent[address] >= _GIVE_UP:
            return Failure("did not answer the questions before")
        query = dns.message.make_query(owner, kind, use_edns=0, payload=_PAYLOAD)
        query.flags &= ~dns.flags.RD
        port = self._resolver.nameserver_ports.get(address, self._resolver.port)
        shares = (self._timeout * _FIRST_SHARE, self._timeout * (1 - _FIRST_SHARE))
        for share in shares:
            try:
                async with self._places:
                    response, _ = await dns.asyncquery.udp_with_fallback(
                        query, address, share, port, ignore_errors=True
                    )
            except dns.exception.Timeout:
                continue
            except _ERRORS as error:
                return Failure(f"could not be asked: {_said(error)}")
            self._silent.pop(address, None)
            return response
        self._silent[address] += 1
        return Failure(f"did not answer within {self._timeout:g} seconds")


class _Memory(Generic[_K, _V]):
    """What was found out once. Who asks meanwhile waits for whoever finds it out."""

    def __init__(self) -> None:
        self._known: dict[_K, _V] = {}
        self._locks = defaultdict[_K, asyncio.Lock](asyncio.Lock)

    def recall(self, key: _K) -> _V | None:
        """Return what is known by now."""
        return self._known.get(key)

    async def once(self, key: _K, find_out: Callable[[], Awaitable[_V]]) -> _V:
        """Return what is known, or find it out."""
        async with self._locks[key]:
            if key not in self._known:
                self._known[key] = await find_out()
        return self._known[key]


# What an answer says.


def _read(response: dns.message.Message, apex: _Name, owner: _Name, kind: _Kind) -> _Reply:
    code = response.rcode()
    if code not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        return Failure(f"answers {dns.rcode.to_text(code)}")
    if not response.flags & dns.flags.AA:
        referral = _referral_in(response, apex, owner)
        return referral or Failure("is not responsible for the zone, or something answers for it")
    zone = str(apex)
    values = tuple(sorted(map(_text, _data_in(response.answer, kind, owner))))
    if values:
        return Look(values=values, zone=zone)
    for data in _data_in(response.answer, dns.rdatatype.CNAME, owner):
        return Look(alias=str(cast("NSBase", data).target), zone=zone)
    return Look(zone=zone)


def _referral_in(response: dns.message.Message, apex: _Name, owner: _Name) -> _Referral | None:
    for rrset in response.authority:
        below = rrset.name != apex and rrset.name.is_subdomain(apex)
        if rrset.rdtype == dns.rdatatype.NS and below and owner.is_subdomain(rrset.name):
            return _Referral(rrset.name, _hosts_in([rrset], rrset.name))
    return None


def _referral(replies: Iterable[_Reply]) -> _Referral | None:
    """Return where replies lead, if none of them is an answer already."""
    found: _Referral | None = None
    for reply in replies:
        if isinstance(reply, Look):
            return None
        if isinstance(reply, _Referral):
            found = found or reply
    return found


def _apex_in(response: dns.message.Message, name: _Name) -> _Name | None:
    """Return the zone of a name, as the SOA of an answer tells it."""
    for rrset in (*response.answer, *response.authority):
        if rrset.rdtype == dns.rdatatype.SOA and name.is_subdomain(rrset.name):
            return rrset.name
    return None


def _hosts_in(section: Sequence[dns.rrset.RRset], name: _Name) -> tuple[str, ...]:
    found = _data_in(section, dns.rdatatype.NS, name)
    return tuple(sorted(str(cast("NSBase", data).target).lower() for data in found))


def _data_in(
    section: Sequence[dns.rrset.RRset], kind: _Kind, name: _Name | None = None
) -> Iterator[dns.rdata.Rdata]:
    """Yield the data of a type, of one name or of all."""
    for rrset in section:
        if rrset.rdtype == kind and name in {None, rrset.name}:
            yield from cast("Iterable[dns.rdata.Rdata]", rrset)


def _text(data: dns.rdata.Rdata) -> str:
    if data.rdtype == dns.rdatatype.TXT:
        return b"".join(cast("TXT", data).strings).decode("utf-8", "backslashreplace")
    return data.to_text()


def _domain_of(owner: _Name) -> _Name:
    """Return what stands behind the last label with an underscore: labels below it are no zones."""
    labels = owner.labels
    special = [at for at, label in enumerate(labels) if label.startswith(b"_")]
    return _Name(labels[special[-1] + 1 :]) if special else owner


def _upwards(name: _Name) -> Iterator[_Name]:
    """Yield a name, and what it is in, up to the root."""
    for depth in range(len(name.labels)):
        yield _Name(name.labels[depth:])


def _said(error: Exception) -> str:
    return printable(str(error) or type(error).__name__)
