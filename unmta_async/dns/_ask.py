"""Asking the authoritative name servers, since what resolvers keep is old.

A resolver tells the zone that a name is in, and the addresses of its servers. These are asked
without recursion, all of them, and referrals and aliases are followed. What the answers mean for a
record is decided elsewhere.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import chain, zip_longest
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
from ._verdict import Failure, Look, Told

if TYPE_CHECKING:
    from dns.rdtypes.ANY.TXT import TXT
    from dns.rdtypes.nsbase import NSBase

__all__ = ["Asker", "Inquiry", "system_resolver"]

_K = TypeVar("_K")
_V = TypeVar("_V")
_Name = dns.name.Name
_Kind = dns.rdatatype.RdataType

_PAYLOAD: Final = 1232  # bytes over UDP that reach everybody, as DNS Flag Day 2020 has it
_FIRST_SHARE: Final = 0.4  # of the time for a question; a lost datagram is sent once more
_GIVE_UP: Final = 5  # questions in a row: one dead server is not to hold up thousands of domains
_PROBE: Final = 2.0  # seconds after which a server that was given up is tried again
_FACTS_LAST: Final = 300.0  # seconds
_FAILURES_LAST: Final = 3.0  # seconds, for those who have asked for the same thing meanwhile
_ERRORS: Final = (dns.exception.DNSException, OSError, EOFError, ValueError)

# Zones are written by strangers, so there is an end to what one record can cost.
_QUESTIONS: Final = 100
_PATIENCE: Final = 6  # times the time for one question
_SERVERS: Final = 13  # of a zone: as many as the root has
_ADDRESSES: Final = 4  # of a server
_LONGEST_CHAIN: Final = 8
_ALIASES: Final = 2  # of one name, which servers that disagree can have


@attrs.frozen
class _Zone:
    """A zone and the hosts that serve it."""

    apex: _Name
    hosts: tuple[str, ...]


@attrs.frozen
class _Server:
    """Where a name server is.

    Attributes:
        addresses: Its addresses.
        trouble: Why some of them, or all, could not be found out.
    """

    addresses: tuple[str, ...]
    trouble: Failure | None = None


@attrs.frozen
class _Unresolved(Failure):
    """What the resolver says when it is there, but nobody could tell it."""


_Reply = Look | _Zone | Failure
"""What a server says; a zone is one further down, to which it refers."""


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
    """What all inquiries share: how to ask, and what was found out about zones and servers.

    Args:
        resolver: Where zones and addresses are looked up; its ports are those of all servers.
        timeout: Seconds for one question to one server.
        concurrency: Questions, and inquiries, in flight at a time.
    """

    def __init__(
        self, resolver: dns.asyncresolver.Resolver, *, timeout: float, concurrency: int
    ) -> None:
        self.resolver = resolver
        self.timeout = timeout
        self.places = asyncio.Semaphore(concurrency)
        self.apexes = _Memory[_Name, _Name | Failure]()
        self.zones = _Memory[_Name, _Zone | Failure]()
        self.servers = _Memory[str, _Server]()
        self.silences = _Silences()
        self._turns = asyncio.Semaphore(concurrency)

    @asynccontextmanager
    async def inquire(self) -> AsyncGenerator[Inquiry, None]:
        """Begin with the questions for a record when it is its turn: only then its time runs."""
        async with self._turns:
            yield Inquiry(self)


class Inquiry:
    """The questions for one record: one look at a time, and an end to their number and time."""

    _bound: asyncio.Timeout

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._left = _QUESTIONS
        self._deadline = _now() + _PATIENCE * asker.timeout
        self._known: dict[tuple[_Name, _Kind], Told] = {}

    async def look(self, name: str, kind: str) -> Told:
        """Return what each server of its zone has at a name."""
        try:
            owner, rdtype = dns.name.from_text(name), dns.rdatatype.from_text(kind)
        except _ERRORS as error:
            return [("", Failure(f"{kind} {name} cannot be asked for: {error}"))]
        try:
            async with asyncio.timeout_at(self._deadline) as self._bound:
                return await self._look(owner, rdtype, ())
        except TimeoutError:
            seconds = _PATIENCE * self._asker.timeout
            most = f"{_QUESTIONS} questions" if self._left < 0 else f"{seconds:g} seconds"
            return [("", Failure(f"it takes more than {most} to find out what is at {name}"))]

    async def _count(self) -> None:
        """Count a question; the one too many ends the look."""
        self._left -= 1
        if self._left >= 0:
            return
        if not self._bound.expired():
            self._bound.reschedule(0)
        await asyncio.get_running_loop().create_future()

    async def _look(self, owner: _Name, kind: _Kind, path: tuple[_Name, ...]) -> Told:
        """Look at a name to which the aliases at other names have led."""
        if (owner, kind) not in self._known:
            self._known[owner, kind] = await self._find(owner, kind, (*path, owner))
        return self._known[owner, kind]

    async def _find(self, owner: _Name, kind: _Kind, path: tuple[_Name, ...]) -> Told:
        zone = await self._zone_around(owner)
        while not isinstance(zone, Failure):
            replies = await self._ask_all(zone, owner, kind)
            # Whoever is asked next is further down, so there is an end to it.
            below = next((reply for _, reply in replies if isinstance(reply, _Zone)), None)
            if below is None:
                return await self._follow(replies, kind, path)
            zone = below
        return [("the resolver", zone)]

    async def _follow(
        self, replies: Iterable[tuple[str, _Reply]], kind: _Kind, path: tuple[_Name, ...]
    ) -> Told:
        """Return what was replied, aliases replaced by what stands where they lead."""
        said = [(server, reply) for server, reply in replies if not isinstance(reply, _Zone)]
        aliases = dict.fromkeys(look.alias for _, look in said if isinstance(look, Look))
        followed = [alias for alias in aliases if alias][:_ALIASES]
        behind = {alias: await self._look_behind(alias, kind, path) for alias in followed}
        return [
            (server, each)
            for server, reply in said
            for each in (_seen_through(reply, behind) if isinstance(reply, Look) else [reply])
        ]

    async def _look_behind(self, alias: str, kind: _Kind, path: tuple[_Name, ...]) -> Told:
        target = dns.name.from_text(alias)
        if target in path:
            return [("", Look(circular=True))]
        if len(path) >= _LONGEST_CHAIN:
            return [("", Failure("too many aliases lead there"))]
        return await self._look(target, kind, path)

    # Which servers to ask.

    async def _zone_around(self, owner: _Name) -> _Zone | Failure:
        """Return a zone that a name is in; a referral may lead further down from there."""
        domain = _domain_of(owner)
        apex = await self._asker.apexes.once(domain, lambda: self._find_apex(domain))
        if isinstance(apex, Failure):
            return apex
        return await self._asker.zones.once(apex, lambda: self._find_zone(apex))

    async def _find_apex(self, domain: _Name) -> _Name | Failure:
        """Return the apex of a zone around a domain.

        Where nobody could tell the resolver, as for a domain whose servers are gone or a name whose
        alias leads in a circle, it is one further up: its servers know the way down.
        """
        failure = Failure(f"knows no zone around {domain}")
        for name in _upwards(domain):
            response = await self._resolve(name, dns.rdatatype.SOA)
            if isinstance(response, _Unresolved):
                failure = response
            elif isinstance(response, Failure):
                return response
            elif (apex := _apex_in(response, name)) is not None:
                return apex
        return failure

    async def _find_zone(self, apex: _Name) -> _Zone | Failure:
        response = await self._resolve(apex, dns.rdatatype.NS)
        if isinstance(response, Failure):
            return response
        return _Zone(apex, _hosts_in(response.answer, apex))

    async def _find_server(self, host: str) -> _Server:
        kinds = (dns.rdatatype.A, dns.rdatatype.AAAA)
        name = dns.name.from_text(host)
        found = await asyncio.gather(*(self._resolve(name, kind) for kind in kinds))
        by_kind = (
            [data.to_text() for data in _data_in(response.answer, kind)]
            for response, kind in zip(found, kinds, strict=True)
            if not isinstance(response, Failure)
        )
        # By turns, so that a host with many of one kind is asked by the other as well.
        addresses = [each for each in chain.from_iterable(zip_longest(*by_kind)) if each]
        trouble = next((each for each in found if isinstance(each, Failure)), None)
        return _Server(tuple(addresses[:_ADDRESSES]), trouble)

    async def _resolve(self, name: _Name, kind: _Kind) -> dns.message.Message | Failure:
        """Return what the resolver says; that there is no such name is an answer, too."""
        await self._count()
        wanted = f"{dns.rdatatype.to_text(kind)} {name}"
        try:
            async with self._asker.places:
                answer = await self._asker.resolver.resolve(
                    name,
                    kind,
                    raise_on_no_answer=False,
                    search=False,
                    lifetime=self._asker.timeout,
                )
        except dns.resolver.NXDOMAIN as error:
            untyped = error.responses()  # type: ignore[no-untyped-call]
            responses = cast("dict[_Name, dns.message.Message]", untyped)
            return responses.get(name, dns.message.Message())
        except dns.resolver.NoNameservers as error:
            return _Unresolved(f"could not find {wanted}: {_said(error)}")
        except _ERRORS as error:
            return Failure(f"could not find {wanted}: {_said(error)}")
        return cast("dns.message.Message", answer.response)

    # Asking them.

    async def _ask_all(
        self, zone: _Zone, owner: _Name, kind: _Kind
    ) -> Sequence[tuple[str, _Reply]]:
        hosts = zone.hosts[:_SERVERS]
        replies = await asyncio.gather(*(self._ask(host, zone, owner, kind) for host in hosts))
        return [(host.removesuffix("."), reply) for host, reply in zip(hosts, replies, strict=True)]

    async def _ask(self, host: str, zone: _Zone, owner: _Name, kind: _Kind) -> _Reply:
        """Ask at each address of a server until one answers; they share the time for it."""
        server = await self._asker.servers.once(host, lambda: self._find_server(host))
        reply: _Reply = _unknown_address(server)
        end = _now() + self._asker.timeout
        for at, address in enumerate(server.addresses):
            share = max(0.0, end - _now()) / (len(server.addresses) - at)
            response = await self._exchange(address, owner, kind, share)
            if isinstance(response, Failure):
                reply = response
                continue
            reply = _read(response, zone.apex, owner, kind)
            if not isinstance(reply, Failure):
                break
        return reply

    async def _exchange(
        self, address: str, owner: _Name, kind: _Kind, seconds: float
    ) -> dns.message.Message | Failure:
        if not self._asker.silences.may_ask(address):
            return Failure("did not answer the questions before")
        query = dns.message.make_query(
            owner, kind, use_edns=0, payload=_PAYLOAD, flags=dns.flags.Flag(0)
        )
        response = await self._send(query, address, seconds)
        no_edns = {dns.rcode.FORMERR, dns.rcode.NOTIMP}
        if isinstance(response, Failure) or response.rcode() not in no_edns:
            return response
        query = dns.message.make_query(owner, kind, use_edns=False, flags=dns.flags.Flag(0))
        return await self._send(query, address, seconds)

    async def _send(
        self, query: dns.message.Message, address: str, seconds: float
    ) -> dns.message.Message | Failure:
        await self._count()
        asker = self._asker
        port = asker.resolver.nameserver_ports.get(address, asker.resolver.port)
        for share in (seconds * _FIRST_SHARE, seconds * (1 - _FIRST_SHARE)):
            try:
                async with asker.places:
                    response, _ = await dns.asyncquery.udp_with_fallback(
                        query, address, share, port, ignore_errors=True
                    )
            except dns.exception.Timeout:
                continue
            except _ERRORS as error:
                return Failure(f"could not be asked: {_said(error)}")
            asker.silences.end(address)
            return response
        asker.silences.add(address)
        return Failure(f"did not answer within {seconds:.2g} seconds")


class _Memory(Generic[_K, _V]):
    """What was found out once, for some time. Who asks meanwhile waits for whoever finds it out."""

    def __init__(self) -> None:
        self._known: dict[_K, tuple[_V, float]] = {}
        self._locks = defaultdict[_K, asyncio.Lock](asyncio.Lock)

    async def once(self, key: _K, find_out: Callable[[], Awaitable[_V]]) -> _V:
        """Return what is known, or find it out."""
        async with self._locks[key]:
            known = self._known.get(key)
            if known is not None and _now() < known[1]:
                return known[0]
            found = await find_out()
            self._known[key] = found, _now() + _life_of(found)
            return found


class _Silences:
    """Which addresses are not worth asking, as nobody answered there time after time."""

    def __init__(self) -> None:
        self._counts = Counter[str]()
        self._next: dict[str, float] = {}

    def may_ask(self, address: str) -> bool:
        """Whether to ask there; one question every few seconds tries whether somebody is back."""
        if self._counts[address] < _GIVE_UP:
            return True
        is_time = _now() >= self._next[address]
        if is_time:
            self._next[address] = _now() + _PROBE
        return is_time

    def add(self, address: str) -> None:
        """Note that nobody answered."""
        self._counts[address] += 1
        self._next[address] = _now() + _PROBE

    def end(self, address: str) -> None:
        """Note that somebody did."""
        self._counts.pop(address, None)


def _life_of(found: object) -> float:
    """Return for how many seconds something found out is true."""
    doubtful = isinstance(found, Failure) or (isinstance(found, _Server) and found.trouble)
    return _FAILURES_LAST if doubtful else _FACTS_LAST


def _now() -> float:
    return asyncio.get_running_loop().time()


# What an answer says.


def _seen_through(look: Look, behind: dict[str, Told]) -> Sequence[Look | Failure]:
    """Return what a server has at a name with an alias, where it leads being known."""
    if not look.alias:
        return [look]
    if look.alias not in behind:
        return [Failure(f"has an alias to {look.alias}, which is one too many to follow")]
    told = behind[look.alias]
    found = dict.fromkeys(
        (said.values, said.circular) for _, said in told if isinstance(said, Look)
    )
    if found:
        return [attrs.evolve(look, values=values, circular=back) for values, back in found]
    failures = [(name, said) for name, said in told if isinstance(said, Failure)]
    if all(said.for_good for _, said in failures):
        return [look]
    reasons = "; ".join(f"{name} {said.reason}".strip() for name, said in failures)
    return [Failure(f"has an alias to {look.alias}, of which {reasons}")]


def _unknown_address(server: _Server) -> Failure:
    if server.trouble is None:
        return Failure("has no address", for_good=True)
    return Failure(f"could not be asked: the resolver {server.trouble.reason}")


def _read(response: dns.message.Message, apex: _Name, owner: _Name, kind: _Kind) -> _Reply:
    code = response.rcode()
    if code not in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}:
        return Failure(f"answers {dns.rcode.to_text(code)}")
    if not response.flags & dns.flags.AA:
        below = _referral_in(response, apex, owner)
        return below or Failure("is not responsible for the zone, or something answers for it")
    zone = str(_deepest_zone(response, apex, owner))
    values = tuple(sorted(map(_text, _data_in(response.answer, kind, owner))))
    if values:
        return Look(values=values, zone=zone)
    for data in _data_in(response.answer, dns.rdatatype.CNAME, owner):
        return Look(alias=str(cast("NSBase", data).target), zone=zone)
    return Look(zone=zone)


def _deepest_zone(response: dns.message.Message, apex: _Name, owner: _Name) -> _Name:
    """Return the zone that answered: servers of both a zone and one below it make no referral."""
    own = _apex_in(response, owner)
    return own if own is not None and own.is_subdomain(apex) else apex


def _referral_in(response: dns.message.Message, apex: _Name, owner: _Name) -> _Zone | None:
    for rrset in response.authority:
        below = rrset.name != apex and rrset.name.is_subdomain(apex)
        if rrset.rdtype == dns.rdatatype.NS and below and owner.is_subdomain(rrset.name):
            return _Zone(rrset.name, _hosts_in([rrset], rrset.name))
    return None


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
