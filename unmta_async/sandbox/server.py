"""`Sandbox`: a fake unMTA on a port of this machine, in the running event loop or in a thread."""

import asyncio
import ipaddress
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    ExitStack,
    asynccontextmanager,
    contextmanager,
)
from os import PathLike
from ssl import SSLContext
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from aiohttp import web

from .app import BASE_PATH, OPERATIONS, Call, create_app
from .clock import Clock
from .faults import Faults
from .journal import Journal
from .port import Port
from .state import DEFAULT_SEED, State, Verification, verification_delay
from .throttle import Throttle
from .verifier import Texts, Verifier

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver

    from ..client import UnmtaClient
    from .nameserver import NameServer

_T = TypeVar("_T")

MAX_CALLS = 10_000
"""How many calls are remembered: the latest."""

_SHUTDOWN_TIMEOUT = 0.5  # seconds


class Sandbox:
    """A fake unMTA that keeps what it is told, for tests and demonstrations.

    `async with Sandbox() as sandbox` serves from the running event loop; without the `async` it
    serves from a thread of its own, for synchronous tests and for any other event loop. Whenever
    it is entered it begins anew, from its file or with two empty clusters, `a1b2c3d4` and
    `e5f6g7h8`.

    Args:
        seed: What keys, passwords and tokens are made from; by default what the file says, or 1.
        state: A file that keeps the state over restarts; without one it is in memory only.
        verification: When a domain turns verified by itself: "manual" is never (`state.verify`
            does it), "immediate" from the first look after its creation, a number that many
            seconds later by the sandbox's clock, "dns" when its DKIM key is in the DNS. That is
            looked at when pending domains are listed or got, for each every 5 seconds at most by
            the sandbox's clock. It needs dnspython.
        host: The address to listen at.
        port: The port to listen at; 0 is any free one.
        ssl: What to serve https with; by default it is http.
        token: The API token, instead of one made from the seed.
        clock: The time it goes by, the real one by default.
        resolver: What is asked about the DNS: `host:port`, or a resolver of dnspython. By default
            it is a name server of the sandbox's own, `nameserver`.
        rate_limit: Requests a second above which the answer is 429; by default none.

    Attributes:
        calls: The latest 10,000 requests that reached the API, oldest first.
        clock: Its time, which `clock.advance(seconds)` moves forward.
        faults: What is to go wrong, as `faults.add("domains.create", "html-502")` has it. It may
            be added before entering, and is gone at the end.

    Raises:
        ValueError: `verification` is no such policy, `resolver` is no such address or nobody would
            ask it, or `rate_limit` is not positive.
        ModuleNotFoundError: dnspython is needed and not installed.
        StateFileError: On entering: the file cannot be used.
        OSError: On entering: the port is taken.
    """

    def __init__(
        self,
        seed: int | None = None,
        state: str | PathLike[str] | None = None,
        verification: Verification = "manual",
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl: SSLContext | None = None,
        token: str | None = None,
        clock: Clock | None = None,
        resolver: "str | Resolver | None" = None,
        rate_limit: float | None = None,
    ) -> None:
        verification_delay(verification)  # a typo is told here and not on entering
        if resolver is not None and verification != "dns":
            raise ValueError('a resolver is asked with verification="dns" only')
        self.calls: deque[Call] = deque(maxlen=MAX_CALLS)
        self.clock = clock or Clock()
        self.faults = Faults(operation.name for operation in OPERATIONS)
        self._seed = seed
        self._file = state
        self._verification: Verification = verification
        self._host = host
        self._port = port
        self._ssl = ssl
        self._token = token
        self._rate_limit = rate_limit
        self._resolver = _resolver(resolver) if verification == "dns" else None
        self._nameserver: NameServer | None = None
        if rate_limit is not None:
            Throttle(rate_limit, self.clock)
        self._state: State | None = None
        self._bound_port: int | None = None
        self._is_running = False
        self._loop_exit = AsyncExitStack()
        self._thread_exit = ExitStack()

    @property
    def state(self) -> State:
        """What it holds, to look at and to change; after its end, what it held."""
        return _started(self._state)

    @property
    def nameserver(self) -> "NameServer":
        """Its name server, to publish records at, while it runs with verification="dns"."""
        if self._nameserver is None:
            raise RuntimeError(
                'there is no name server: use `with Sandbox(verification="dns") as sandbox`, '
                "without a resolver"
            )
        return self._nameserver

    @property
    def base_url(self) -> str:
        """The URL that clients want, such as `http://127.0.0.1:49152/api/v1`."""
        scheme = "https" if self._ssl else "http"
        return f"{scheme}://{_reachable(self._host)}:{_started(self._bound_port)}{BASE_PATH}"

    @property
    def token(self) -> str:
        """The token that was issued last, revoked or not."""
        return self.state.token

    def issue_token(self) -> str:
        """Return a new token, which revokes the one before."""
        return self.state.issue_token()

    def revoke_token(self) -> None:
        """Leave the account without a token: every call is a 401 from now on."""
        self.state.revoke_token()

    def client(self, **options: Any) -> "UnmtaClient":  # noqa: ANN401 - they are the client's own
        """Return a client of this sandbox; it takes the options of `UnmtaClient`."""
        from ..client import UnmtaClient

        defaults: dict[str, Any] = {"token": self.token, "base_url": self.base_url}
        return UnmtaClient(**defaults | options)

    def __repr__(self) -> str:
        return f"<Sandbox {self.base_url if self._is_running else 'not running'}>"

    async def __aenter__(self) -> Self:
        await self._loop_exit.enter_async_context(self._serve())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._loop_exit.aclose()

    def __enter__(self) -> Self:
        self._thread_exit.enter_context(_in_thread(self._serve))
        return self

    def __exit__(self, *_: object) -> None:
        self._thread_exit.close()

    @asynccontextmanager
    async def _serve(self) -> AsyncGenerator[None]:
        if self._is_running:
            raise RuntimeError("this sandbox is running already: make another one")
        self._is_running = True
        self.calls.clear()
        try:
            with self._open() as self._state:
                port = Port(self._ssl)
                async with (
                    self._look_at_dns(self._state) as verifier,
                    _run(self._app(self._state, port, verifier), port) as server,
                ):
                    self._bound_port = await port.open(server, self._host, self._port)
                    with self.faults.at(port):
                        yield
        finally:
            self._is_running = False

    def _app(self, state: State, port: Port, verifier: Verifier | None) -> web.Application:
        return create_app(
            state,
            self.calls,
            self.faults,
            port,
            throttle=Throttle(self._rate_limit, self.clock) if self._rate_limit else None,
            verifier=verifier,
            load_zone=self._nameserver.load if self._nameserver else None,
        )

    @asynccontextmanager
    async def _look_at_dns(self, state: State) -> AsyncGenerator[Verifier | None]:
        if self._verification != "dns":
            yield None
            return
        from .nameserver import NameServer, texts_by

        async with AsyncExitStack() as stack:
            texts: Texts
            if self._resolver is None:
                self._nameserver = await stack.enter_async_context(NameServer())
                texts = self._nameserver.look_up
            else:
                texts = texts_by(self._resolver)
            try:
                yield await stack.enter_async_context(Verifier(state, texts))
            finally:
                self._nameserver = None

    @contextmanager
    def _open(self) -> Generator[State]:
        with ExitStack() as stack:
            journal = None
            if self._file is not None:
                journal = stack.enter_context(
                    Journal(self._file, seed=self._seed, now=self.clock.now())
                )
            state = self._begin(journal)
            if self._token:
                state.use_token(self._token)
            yield state
            state.record = None

    def _begin(self, journal: Journal | None) -> State:
        if journal is None:
            seed = DEFAULT_SEED if self._seed is None else self._seed
            return State(seed=seed, clock=self.clock, verification=self._verification)
        state = State(
            seed=journal.header.seed,
            clock=self.clock,
            verification=self._verification,
            began=journal.header.began,
        )
        journal.replay(state.replay)
        state.record = journal.append
        return state


@asynccontextmanager
async def _run(app: web.Application, port: Port) -> AsyncGenerator[web.Server]:
    """Run an app, and at the end close the port, and the connections that came through it."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_TIMEOUT)
    await runner.setup()
    server = cast("web.Server", runner.server)
    try:
        yield server
    finally:
        port.close()
        transports = [connection.transport for connection in server.connections]
        await runner.cleanup()
        for transport in filter(None, transports):
            transport.abort()  # TLS would wait for the other side to say goodbye


@contextmanager
def _in_thread(serve: Callable[[], AbstractAsyncContextManager[None]]) -> Generator[None]:
    """Serve from an event loop in a thread, for as long as the context lasts."""
    ready: Future[Callable[[], object]] = Future()
    ended: Future[object] = Future()

    async def serve_until_stopped() -> None:
        async with serve():
            stop = asyncio.Event()
            loop = asyncio.get_running_loop()
            ready.set_result(lambda: loop.call_soon_threadsafe(stop.set))
            await stop.wait()

    def run() -> None:
        try:
            ended.set_result(asyncio.run(serve_until_stopped()))
        except BaseException as error:  # noqa: BLE001 - it is raised where the context was entered
            ended.set_exception(error)

    threading.Thread(target=run, name="unmta-sandbox", daemon=True).start()
    wait(cast("list[Future[object]]", [ready, ended]), return_when=FIRST_COMPLETED)
    if ended.done():
        ended.result()
    try:
        yield
    finally:
        ready.result()()
        ended.result()


def _resolver(given: "str | Resolver | None") -> "Resolver | None":
    """Return a resolver to ask; None stands for the sandbox's own name server."""
    from .nameserver import resolver_at

    if not isinstance(given, str):
        return given
    host, _, port = given.rpartition(":")
    try:
        address = str(ipaddress.ip_address(host.strip("[]")))
        return resolver_at(address, _port(port))
    except ValueError:
        raise ValueError(
            f"{given!r} is not the address of a resolver, such as 127.0.0.1:53"
        ) from None


def _port(text: str) -> int:
    port = int(text)
    if not 0 < port < 2**16:
        raise ValueError(f"{port} is no port")
    return port


def _reachable(host: str) -> str:
    """Return the host for a URL: where it listens at every address, the loopback one."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host or "127.0.0.1"
    if address.version == 4:
        return "127.0.0.1" if address.is_unspecified else host
    return "[::1]" if address.is_unspecified else f"[{host}]"


def _started(value: _T | None) -> _T:
    if value is None:
        raise RuntimeError("the sandbox has not been started: use `with Sandbox() as sandbox`")
    return value
