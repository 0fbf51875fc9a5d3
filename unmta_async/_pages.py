"""Lists that come in pages: `Page`, and the way from one to the next. It sends nothing itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar, overload
from urllib.parse import parse_qs

from ._convert import json_object
from ._operation import Enveloped
from .errors import UnexpectedResponseError

__all__ = ["Page", "PageBody"]

T = TypeVar("T")


PageBody: TypeAlias = Enveloped[Sequence[T]]
"""The answer that a page comes in."""


class _Send(Protocol[T]):
    """A call with everything but its query."""

    async def __call__(self, *, query: Mapping[str, object]) -> PageBody[T]: ...


class Page(Sequence[T]):
    """A part of a list, itself a sequence; `next_page()` gets the part behind it.

    Attributes:
        total: The number of items on all pages, if the API says it.
        next_query: What the page behind this one is asked for with; None if this is the last.
    """

    def __init__(self, body: PageBody[T], query: Mapping[str, object], send: _Send[T]) -> None:
        self._items = body.data
        self.next_query = _next_query(body, query)
        self._query = query
        self._send = send
        total = json_object(body.meta).get("total")
        self.total: int | None = total if isinstance(total, int) else None

    @classmethod
    async def fetch(cls, send: _Send[T], query: Mapping[str, object]) -> Page[T]:
        """Get the page that a query asks for."""
        return cls(await send(query=query), query, send)

    async def next_page(self) -> Page[T] | None:
        """Get the page behind this one; None if this is the last."""
        if self.next_query is None:
            return None
        return await self.fetch(self._send, self.next_query)

    async def walk(self) -> AsyncIterator[T]:
        """Yield the items of this page and of every page behind it.

        Raises:
            UnexpectedResponseError: The pages lead in a circle.
        """
        seen = [self._query]
        page: Page[T] | None = self
        while page is not None:
            for item in page:
                yield item
            if page.next_query in seen:
                raise UnexpectedResponseError("the pages of the list lead in a circle")
            if page.next_query is not None:
                seen.append(page.next_query)
            page = await page.next_page()

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[T]:
        return iter(self._items)

    def __repr__(self) -> str:
        of = "" if self.total is None else f" of {self.total}"
        return f"<Page: {len(self)}{of} items{'' if self.next_query is None else ', more follow'}>"


def _next_query(body: PageBody[Any], query: Mapping[str, object]) -> Mapping[str, object] | None:
    """Return the query of the next page: what `links.next` asks for, else the next number.

    Of the link only the query is taken; its host and path are never followed.
    """
    if not body.has_next_page:
        return None
    link = body.next_link
    if isinstance(link, str):
        return {**query, **parse_qs(link.partition("?")[2].partition("#")[0])}
    meta = json_object(body.meta)
    if isinstance(meta.get("current_page"), int):
        return {**query, "page": meta["current_page"] + 1}
    return {**query, "cursor": meta.get("next_cursor")}
