"""Pages: each a sequence, with the way to the next."""

from collections.abc import Sequence

import pytest

from unmta_async import Page, UnexpectedResponseError
from unmta_async._generated import clusters
from unmta_async._operation import Enveloped
from unmta_async._request import encode


def page(items=(), query=None, send=None, **beside):
    return Page(Enveloped(list(items), **beside), query or {}, send)


class Server:
    """Answers each query with the next of its bodies, and again from the first."""

    def __init__(self, *bodies):
        self.bodies = bodies
        self.queries = []

    async def send(self, *, query):
        self.queries.append(dict(query))
        return self.bodies[(len(self.queries) - 1) % len(self.bodies)]


def numbered(*items, page, of):
    return Enveloped(list(items), meta={"current_page": page, "last_page": of, "total": 5})


def linked(*items, link):
    return Enveloped(list(items), links={"next": link})


def test_a_page_is_a_sequence():
    letters = page("abca")
    assert isinstance(letters, Sequence)
    assert len(letters) == 4
    assert list(letters) == list("abca")
    assert (letters[0], letters[-1], letters[1:3]) == ("a", "a", ["b", "c"])
    assert "c" in letters
    assert (letters.index("b"), letters.count("a")) == (1, 2)
    assert list(reversed(letters)) == list("acba")
    assert not page()
    with pytest.raises(IndexError):
        letters[4]


@pytest.mark.parametrize(
    ("meta", "total"),
    [
        ({"total": 5}, 5),
        ({"total": 0}, 0),
        ({}, None),
        (None, None),
        ([], None),
        ({"total": "5"}, None),
    ],
)
def test_the_total_is_what_the_api_says(meta, total):
    assert page("ab", meta=meta).total == total


def test_repr_counts():
    assert repr(page("ab")) == "<Page: 2 items>"
    more = page("ab", meta={"total": 5, "next_cursor": "x"})
    assert repr(more) == "<Page: 2 of 5 items, more follow>"


LINK = "https://api.test/v1/things?page=2&per_page=50"


@pytest.mark.parametrize(
    ("beside", "text"),
    [
        ({"links": {"next": LINK}}, "?q=x&page=2&per_page=50"),
        ({"links": {"next": "?page=2"}}, "?q=x&page=2"),
        ({"links": {"next": "//evil.test:99/v9?page=2#here"}}, "?q=x&page=2"),
        ({"links": {"next": "http://[?page=2"}}, "?q=x&page=2"),
        ({"links": {"next": "?q=y&cursor=a%2Bb%3D"}}, "?q=y&cursor=a%2Bb%3D"),
        ({"links": {"next": "?tag=a&tag=b"}}, "?q=x&tag=a&tag=b"),
        ({"next_page_url": LINK, "links": [{"url": None}]}, "?q=x&page=2&per_page=50"),
        ({"meta": {"current_page": 1, "last_page": 2}}, "?q=x&page=2"),
        ({"meta": {"next_cursor": "a+b"}}, "?q=x&cursor=a%2Bb"),
    ],
)
def test_the_next_query_keeps_the_old_one_and_adds_that_of_the_link(beside, text):
    """Host and path of a link are never followed: it could lead the token astray."""
    query = page(query={"q": "x"}, **beside).next_query
    url = encode("https://api.test/v1", clusters.LIST, {}, query, None, None).url
    assert str(url) == f"https://api.test/v1/clusters{text}"


@pytest.mark.parametrize(
    "beside",
    [
        {},
        {"links": {"next": None}},
        {"links": {"next": ""}},
        {"links": "x", "meta": 5},
        {"links": {"next": LINK}, "meta": {"current_page": 2, "last_page": 2}},
        {"meta": {"next_cursor": None}},
    ],
)
async def test_the_last_page_has_no_next(beside):
    last = page("ab", **beside)
    assert last.next_query is None
    assert await last.next_page() is None


async def test_next_page_asks_for_what_the_page_names():
    server = Server(numbered("a", "b", page=1, of=2), numbered("c", page=2, of=2))
    first = await Page.fetch(server.send, {"q": "x"})
    second = await first.next_page()
    assert list(second) == ["c"]
    assert await second.next_page() is None
    assert server.queries == [{"q": "x"}, {"q": "x", "page": 2}]


async def test_walk_yields_every_item_of_every_page():
    server = Server(
        linked("a", "b", link="?page=2"), linked(link="?page=3"), linked("c", link=None)
    )
    first = await Page.fetch(server.send, {})
    assert [item async for item in first.walk()] == ["a", "b", "c"]
    assert len(server.queries) == 3


async def test_walk_asks_only_for_what_is_consumed():
    server = Server(linked("a", link="?page=2"))
    first = await Page.fetch(server.send, {})
    walk = first.walk()
    assert await anext(walk) == "a"
    await walk.aclose()
    assert len(server.queries) == 1


@pytest.mark.parametrize(
    ("links", "requests"), [(["?page=2", "?page=3", "?page=2"], 3), (["/things/2"], 1)]
)
async def test_pages_in_a_circle_are_an_error(links, requests):
    server = Server(*(linked("a", link=link) for link in links))
    first = await Page.fetch(server.send, {"q": "x"})
    items = []
    with pytest.raises(UnexpectedResponseError, match="circle"):
        items.extend([item async for item in first.walk()])
    assert len(server.queries) == requests
