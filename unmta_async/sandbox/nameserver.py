"""A name server: what is published here is all the DNS that there is.

A question that wants recursion is answered as a resolver would, from all zones; one that does not,
as the authoritative server of the zone would. It never asks another server.
"""

import asyncio
import ipaddress
import re
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Self, cast

try:
    import dns.asyncresolver
    import dns.exception
    import dns.flags
    import dns.message
    import dns.name
    import dns.opcode
    import dns.rcode
    import dns.rdata
    import dns.rdataclass
    import dns.rdatatype
    import dns.rdtypes.ANY.TXT
    import dns.rdtypes.nsbase
    import dns.rrset
    import dns.zone
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "the sandbox's name server needs dnspython: pip install 'unmta-async[dns]'", name=error.name
    ) from None

_HOST = "ns.sandbox.invalid."
_TTL = 60  # seconds
_SOA = f"{_HOST} hostmaster.sandbox.invalid. 1 3600 600 86400 {_TTL}"
_ORIGIN = re.compile(r"^\$ORIGIN\b", re.MULTILINE | re.IGNORECASE)
_LONGEST_STRING = 255  # bytes
_LONGEST_CHAIN = 8
_PLAIN_UDP = 512  # bytes of an answer, where a question allows no more
_TRIES = 16
_LIFETIME = 5.0  # seconds for a question

_Kind = dns.rdatatype.RdataType
_Records = dict[_Kind, tuple[int, tuple[dns.rdata.Rdata, ...]]]
"""What stands at one name: for each type the TTL and the data."""

_Found = tuple[dns.name.Name, int, dns.rdata.Rdata]

_SINGLE = {dns.rdatatype.CNAME, dns.rdatatype.SOA}


class NameServer:
    """A name server for tests and demonstrations, over UDP and TCP.

    `async with NameServer() as server` serves in the running event loop. At first there is the root
    zone alone, so that any name is known not to exist.

    Args:
        address: The IP address to listen at.
        port: The port to listen at; 0 is any free one.

    Attributes:
        address: Where it listens.

    Raises:
        ValueError: The address is no IP address.
        OSError: On entering: the port is taken, or the address is none of this machine.
    """

    def __init__(self, address: str = "127.0.0.1", port: int = 0) -> None:
        self.address = address
        self._wanted_port = port
        self._listener: _Listener | None = None
        self._zones: set[dns.name.Name] = set()
        self._records: dict[dns.name.Name, _Records] = {}
        self._names: set[dns.name.Name] = set()  # those that only have others below them, too
        self._lock = threading.Lock()  # a test may publish while a sandbox's thread serves
        self._add([], dns.name.root)
        kind = "A" if ipaddress.ip_address(address).version == 4 else "AAAA"
        self.publish(_HOST, kind, address)

    @property
    def port(self) -> int:
        """The port that it listens at, over UDP and TCP."""
        if self._listener is None:
            raise RuntimeError("the name server does not run: use `async with`")
        return self._listener.port

    def resolver(self) -> dns.asyncresolver.Resolver:
        """Return a resolver that asks this server and no other."""
        return resolver_at(self.address, self.port)

    def load(self, text: str, *, zone: str | None = None) -> None:
        """Add the records of a zone file to those that are there.

        Names without a dot at their end are within the zone, which an `$ORIGIN` in front may tell
        as well. Without either, a name goes into the zone that is there already, or else into a
        new one: what stands behind its last label with an underscore. A zone that lacks an SOA or
        a name server is given them.

        Raises:
            ValueError: It is no zone file.
        """
        try:
            given = zone or (None if _ORIGIN.search(text) else ".")
            read = dns.zone.from_text(text, given, relativize=False, check_origin=False)
        except (dns.exception.DNSException, ValueError) as error:
            raise ValueError(f"not a zone file: {error}") from None
        self._add(list(read.iterate_rdatas()), read.origin)

    def publish(self, fqdn: str, type: str, value: str | bytes, ttl: int = _TTL) -> None:  # noqa: A002 - DNS's word
        """Add one record to those that are there, and to a zone as `load` does.

        Args:
            fqdn: The owner name in full.
            type: The record type, such as "TXT".
            value: The content: of a TXT record unquoted and in one piece, of any other as a zone
                file has it.
            ttl: Seconds that resolvers may keep it.

        Raises:
            ValueError: There can be no such record.
        """
        try:
            rdata = _rdata(dns.rdatatype.from_text(type), value)
            self._add([(dns.name.from_text(fqdn), ttl, rdata)])
        except dns.exception.DNSException as error:
            raise ValueError(f"{type} {fqdn} cannot be published: {error}") from None

    def withdraw(self, fqdn: str, type: str | None = None) -> None:  # noqa: A002 - DNS's word
        """Remove the records of a name, or those of one type; there need be none.

        A zone that loses its SOA is gone, and its names are in the zone above.
        """
        name = dns.name.from_text(fqdn)
        with self._lock:
            if type is None:
                self._records.pop(name, None)
            else:
                self._records.get(name, {}).pop(dns.rdatatype.from_text(type), None)
            left = (name for name, here in self._records.items() if here)
            self._names = {one for name in left for one in _with_ancestors(name)}
            soa = dns.rdatatype.SOA
            self._zones = {zone for zone in self._zones if soa in self._records.get(zone, {})}
            self._zones.add(dns.name.root)
            self._complete(dns.name.root)

    async def look_up(self, fqdn: str) -> list[str]:
        """Return the TXT values that a resolver would find under a name."""
        await asyncio.sleep(0)  # thousands of these are not to hold up everything else
        try:
            name = dns.name.from_text(fqdn)
        except dns.exception.DNSException:
            return []  # what is too long for a name has no records
        found = self.respond(dns.message.make_query(name, "TXT"))
        return [] if found is None else texts_of(found)

    def respond(self, query: dns.message.Message) -> dns.message.Message | None:
        """Return the answer to a question; None is silence."""
        response = dns.message.make_response(query)
        recursive = bool(query.flags & dns.flags.RD)
        response.flags |= dns.flags.RA if recursive else dns.flags.AA
        if query.opcode() != dns.opcode.QUERY or len(query.question) != 1:
            response.set_rcode(dns.rcode.NOTIMP)
            return response
        asked = query.question[0]
        with self._lock:
            self._answer(response, asked.name, asked.rdtype, recursive=recursive)
        return response

    async def __aenter__(self) -> Self:
        self._listener = await _listen(self, self.address, self._wanted_port)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._listener:
            self._listener.close()
            self._listener = None
            await asyncio.sleep(0)  # the sockets are closed in the loop's next turn

    # What there is.

    def _add(self, found: list[_Found], apex: dns.name.Name | None = None) -> None:
        with self._lock:
            zones = {name for name, _, data in found if data.rdtype == dns.rdatatype.SOA}
            if apex is not None:
                zones.add(apex)
            self._zones |= zones
            for one in found:
                self._put(*one)
            homeless = {name for name, *_ in found if self._zone_of(name) == dns.name.root}
            zones |= {_zone_of_its_own(name) for name in homeless}
            self._zones |= zones
            for zone in zones:
                self._complete(zone)

    def _put(self, name: dns.name.Name, ttl: int, data: dns.rdata.Rdata) -> None:
        here = self._records.setdefault(name, {})
        _, others = here.get(data.rdtype, (ttl, ()))
        if data.rdtype in _SINGLE:
            others = ()
        here[data.rdtype] = ttl, (*(other for other in others if other != data), data)
        self._names.update(_with_ancestors(name))

    def _complete(self, zone: dns.name.Name) -> None:
        """Give a zone the SOA and the name server that it lacks."""
        for kind, text in ((dns.rdatatype.SOA, _SOA), (dns.rdatatype.NS, _HOST)):
            if kind not in self._records.get(zone, {}):
                self._put(zone, _TTL, _rdata(kind, text))

    # What is said of it.

    def _answer(
        self,
        response: dns.message.Message,
        name: dns.name.Name,
        kind: _Kind,
        *,
        recursive: bool,
    ) -> None:
        for _ in range(_LONGEST_CHAIN):
            zone = self._zone_of(name)
            cut = None if recursive else self._cut(zone, name)
            if cut is not None:
                return self._refer(response, cut)
            here = self._at(name)
            if here is None or kind in here or dns.rdatatype.CNAME not in here:
                return self._conclude(response, zone, name, here, kind)
            response.answer.append(_rrset(name, here, dns.rdatatype.CNAME))
            name = _target(here[dns.rdatatype.CNAME][1][0])
            if not recursive and self._zone_of(name) == dns.name.root:
                return None  # it is for others to say where that leads
        return None

    def _conclude(
        self,
        response: dns.message.Message,
        zone: dns.name.Name,
        name: dns.name.Name,
        here: _Records | None,
        kind: _Kind,
    ) -> None:
        if here is not None and kind in here:
            response.answer.append(_rrset(name, here, kind))
            return
        response.authority.append(_rrset(zone, self._records[zone], dns.rdatatype.SOA))
        if here is None:
            response.set_rcode(dns.rcode.NXDOMAIN)

    def _refer(self, response: dns.message.Message, cut: dns.name.Name) -> None:
        """Answer with the name servers of a zone that is served elsewhere."""
        response.flags &= ~dns.flags.AA
        servers = self._records[cut]
        response.authority.append(_rrset(cut, servers, dns.rdatatype.NS))
        for host in map(_target, servers[dns.rdatatype.NS][1]):
            here = self._records.get(host, {})
            for kind in here.keys() & {dns.rdatatype.A, dns.rdatatype.AAAA}:
                response.additional.append(_rrset(host, here, kind))

    def _zone_of(self, name: dns.name.Name) -> dns.name.Name:
        return next(one for one in _with_ancestors(name) if one in self._zones)

    def _cut(self, zone: dns.name.Name, name: dns.name.Name) -> dns.name.Name | None:
        """Return where, between a zone and a name in it, another zone begins."""
        within = (one for one in _with_ancestors(name) if one != zone and one.is_subdomain(zone))
        cuts = [one for one in within if dns.rdatatype.NS in self._records.get(one, {})]
        return cuts[-1] if cuts else None

    def _at(self, name: dns.name.Name) -> _Records | None:
        """Return what stands at a name, or stands in for it; None if there is no such name."""
        if name in self._names:
            return self._records.get(name, {})
        nearest = next(one for one in _with_ancestors(name) if one in self._names)
        star = dns.name.Name((b"*", *nearest.labels))
        return self._records.get(star)


def texts_by(resolver: dns.asyncresolver.Resolver) -> Callable[[str], Awaitable[list[str]]]:
    """Return what finds the TXT values of a name by a resolver; none where it cannot tell."""

    async def look_up(fqdn: str) -> list[str]:
        try:
            answer = await resolver.resolve(
                fqdn, "TXT", raise_on_no_answer=False, search=False, lifetime=_LIFETIME
            )
        except (dns.exception.DNSException, OSError):
            return []
        return texts_of(cast("dns.message.Message", answer.response))

    return look_up


def resolver_at(address: str, port: int) -> dns.asyncresolver.Resolver:
    """Return a resolver that asks the server at an address."""
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers = [address]
    resolver.port = port
    return resolver


def texts_of(response: dns.message.Message) -> list[str]:
    """Return the TXT values of an answer, each in one piece."""
    return [
        b"".join(cast("dns.rdtypes.ANY.TXT.TXT", one).strings).decode("utf-8", "backslashreplace")
        for rrset in response.answer
        if rrset.rdtype == dns.rdatatype.TXT
        for one in cast("Iterable[dns.rdata.Rdata]", rrset)
    ]


def _with_ancestors(name: dns.name.Name) -> Iterator[dns.name.Name]:
    """Yield a name, and what it is in, up to the root."""
    for depth in range(len(name.labels)):
        yield dns.name.Name(name.labels[depth:])


def _zone_of_its_own(name: dns.name.Name) -> dns.name.Name:
    """Return what stands behind the last label with an underscore, or a star."""
    labels = name.labels
    special = [at for at, label in enumerate(labels) if label[:1] in (b"_", b"*")]
    return dns.name.Name(labels[special[-1] + 1 :] if special else labels)


def _rrset(name: dns.name.Name, here: _Records, kind: _Kind) -> dns.rrset.RRset:
    ttl, found = here[kind]
    return dns.rrset.from_rdata_list(name, ttl, found)


def _target(data: dns.rdata.Rdata) -> dns.name.Name:
    return cast("dns.rdtypes.nsbase.NSBase", data).target  # CNAME is made like NS


def _rdata(kind: _Kind, value: str | bytes) -> dns.rdata.Rdata:
    if kind != dns.rdatatype.TXT:
        text = value.decode() if isinstance(value, bytes) else value
        return dns.rdata.from_text(dns.rdataclass.IN, kind, text, relativize=False)
    data = value if isinstance(value, bytes) else value.encode()
    pieces = [data[at : at + _LONGEST_STRING] for at in range(0, len(data), _LONGEST_STRING)]
    return dns.rdtypes.ANY.TXT.TXT(dns.rdataclass.IN, kind, pieces or [b""])


# How it gets there and back.


class _Listener:
    """The sockets of a server at one port."""

    def __init__(self, server: NameServer) -> None:
        self.port = 0
        self.transports: set[asyncio.Transport | asyncio.DatagramTransport] = set()
        self._server = server
        self._tcp: asyncio.Server | None = None

    async def open(self, address: str, port: int) -> None:
        """Listen over TCP, and over UDP at the same port."""
        loop = asyncio.get_running_loop()
        self._tcp = await loop.create_server(lambda: _Stream(self), address, port)
        self.port = int(self._tcp.sockets[0].getsockname()[1])
        await loop.create_datagram_endpoint(
            lambda: _Datagrams(self), local_addr=(address, self.port)
        )

    def close(self) -> None:
        """Stop listening, and leave whoever is connected."""
        if self._tcp:
            self._tcp.close()
        for transport in list(self.transports):
            transport.abort()

    def answer(self, data: bytes, limit: int | None = None) -> bytes | None:
        """Return the answer to a message, which by UDP has a limit in bytes."""
        try:
            query = dns.message.from_wire(data)
            response = self._server.respond(query)
        except dns.exception.DNSException:
            return None
        if response is None:
            return None
        size = 65535 if limit is None else max(limit, query.payload if query.edns >= 0 else 0)
        return response.to_wire(max_size=size, prefer_truncation=True)


async def _listen(server: NameServer, address: str, port: int) -> _Listener:
    for left in reversed(range(_TRIES)):
        listener = _Listener(server)
        try:
            await listener.open(address, port)
        except OSError:
            listener.close()
            # The port that was free for TCP may be taken for UDP; the next one may not.
            if port or not left:
                raise
        else:
            return listener
    raise AssertionError


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, listener: _Listener) -> None:
        self._listener = listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        self._listener.transports.add(self._transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._listener.answer(data, _PLAIN_UDP)
        if answer is not None:
            self._transport.sendto(answer, addr)


class _Stream(asyncio.Protocol):
    """Messages one behind the other, each with its length in front (RFC 1035, 4.2.2)."""

    def __init__(self, listener: _Listener) -> None:
        self._listener = listener
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._listener.transports.add(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._listener.transports.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= (end := 2 + int.from_bytes(self._buffer[:2])) > 2:
            message, self._buffer = self._buffer[2:end], self._buffer[end:]
            answer = self._listener.answer(message)
            if answer is not None:
                self._transport.write(len(answer).to_bytes(2) + answer)
