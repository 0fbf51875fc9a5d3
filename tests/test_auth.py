"""The token: checked at once, never shown, asked for by one call at a time."""

import asyncio
import traceback

import pytest

from unmta_async import Secret, UsageError
from unmta_async._auth import TOKEN_VARIABLE, TokenSource

TOKEN = "12|aB3dEfGhIjKlMnOp"
PLACED = [
    pytest.param("{}\n", id="line end"),
    pytest.param(" {}", id="space before"),
    pytest.param("{} x", id="space within"),
    pytest.param("{}\r\nX: y", id="header"),
    pytest.param("{}\0", id="NUL"),
    pytest.param("{}\x7f", id="DEL"),
    pytest.param("{}ü", id="not ASCII"),
    pytest.param("{}\ud800", id="surrogate"),
    pytest.param("Bearer {}", id="Bearer"),
    pytest.param(" bearer\t{}", id="bearer"),
]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)


class Supplier:
    """Returns its tokens one by one, the last one again and again."""

    def __init__(self, *tokens):
        self.tokens = list(tokens)
        self.asked = 0

    async def __call__(self):
        await asyncio.sleep(0)
        self.asked += 1
        token = self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]
        if isinstance(token, BaseException):
            raise token
        return token


def assert_unseen(error):
    """Neither the message nor the locals of any frame of ours show the token."""
    chain = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [frame for frame in chain.stack if "unmta_async" in frame.filename]
    assert ours
    assert TOKEN not in f"{error} {[frame.locals for frame in ours]}"
    assert error.__cause__ is error.__context__ is None


@pytest.mark.parametrize("token", [TOKEN, "x", "bearerless", "!~", "a" * 4096])
@pytest.mark.parametrize("wrap", [str, Secret])
async def test_a_token_is_taken_as_it_is(token, wrap):
    assert await TokenSource(wrap(token)).get() == Secret(token)


@pytest.mark.parametrize("placed", PLACED)
@pytest.mark.parametrize("wrap", [str, Secret])
def test_a_malformed_token_is_refused_at_once_and_not_shown(placed, wrap):
    with pytest.raises(UsageError) as caught:
        TokenSource(wrap(placed.format(TOKEN)))
    assert_unseen(caught.value)
    assert ("Bearer" in str(caught.value)) is ("earer" in placed)


@pytest.mark.parametrize("placed", PLACED)
async def test_a_malformed_token_of_a_callable_is_not_shown(placed):
    with pytest.raises(UsageError) as caught:
        await TokenSource(Supplier(placed.format(TOKEN))).get()
    assert_unseen(caught.value)


def test_a_malformed_token_of_the_environment_is_not_shown(monkeypatch):
    monkeypatch.setenv(TOKEN_VARIABLE, f"Bearer {TOKEN}")
    with pytest.raises(UsageError) as caught:
        TokenSource(None)
    assert_unseen(caught.value)


@pytest.mark.parametrize("empty", ["", Secret("")])
def test_an_empty_token_is_refused(empty):
    with pytest.raises(UsageError, match="empty"):
        TokenSource(empty)


async def test_the_environment_is_asked_where_none_is_given(monkeypatch):
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    assert await TokenSource(None).get() == Secret(TOKEN)
    assert await TokenSource("other").get() == Secret("other")


@pytest.mark.parametrize("value", [None, ""])
async def test_a_missing_token_is_told_at_the_first_call_with_the_name_to_set(monkeypatch, value):
    if value is not None:
        monkeypatch.setenv(TOKEN_VARIABLE, value)
    source = TokenSource(None)
    with pytest.raises(UsageError, match="UNMTA_API_TOKEN"):
        await source.get()


async def test_a_callable_is_asked_once():
    supplier = Supplier(TOKEN)
    source = TokenSource(supplier)
    assert supplier.asked == 0
    assert await source.get() == await source.get() == Secret(TOKEN)
    assert supplier.asked == 1


async def test_calls_at_the_same_time_ask_once_together():
    supplier = Supplier(Secret("old"), Secret("new"))
    source = TokenSource(supplier)
    tokens = await asyncio.gather(*(source.get() for _ in range(50)))
    assert set(tokens) == {Secret("old")}
    assert all(await asyncio.gather(*(source.renew(token) for token in tokens)))
    assert supplier.asked == 2
    assert await source.get() == Secret("new")


async def test_a_token_that_stays_the_same_is_asked_for_once_by_all_who_wait():
    supplier = Supplier(TOKEN)
    source = TokenSource(supplier)
    refused = await source.get()
    assert not any(await asyncio.gather(*(source.renew(refused) for _ in range(50))))
    assert supplier.asked == 2


async def test_a_late_refusal_of_an_old_token_asks_nobody():
    supplier = Supplier("old", "new", "newer")
    source = TokenSource(supplier)
    old = await source.get()
    assert await source.renew(old)
    assert await source.renew(old)
    assert supplier.asked == 2


async def test_a_later_refusal_asks_again():
    supplier = Supplier("old", "old", "new")
    source = TokenSource(supplier)
    assert not await source.renew(await source.get())
    assert await source.renew(await source.get())


@pytest.mark.parametrize("token", [TOKEN, None])
async def test_without_a_callable_nothing_is_renewed(token):
    assert not await TokenSource(token).renew(Secret(TOKEN))


async def test_a_failure_of_the_callable_is_its_callers_and_not_remembered():
    source = TokenSource(Supplier(OSError("vault is down"), TOKEN))
    with pytest.raises(OSError, match="vault"):
        await source.get()
    assert await source.get() == Secret(TOKEN)


async def test_a_cancelled_question_leaves_the_others_going():
    source = TokenSource(Supplier(TOKEN))
    first, second = (asyncio.create_task(source.get()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == Secret(TOKEN)
    assert first.cancelled()
