"""The places for requests in flight: none is lost, none given twice."""

from __future__ import annotations

import asyncio
import math
import random

import pytest

from unmta_async._pool import Places


async def take(places, deadline=math.inf):
    if not places.take():
        await places.wait(deadline)


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_they_are_handed_on_in_the_order_in_which_they_are_asked_for():
    places, order = Places(1), []

    async def work(number):
        await take(places)
        order.append(number)
        places.give()

    await take(places)
    waiting = [asyncio.create_task(work(number)) for number in range(5)]
    await settle()
    assert order == []
    places.give()
    await asyncio.gather(*waiting)
    assert order == [0, 1, 2, 3, 4]
    assert places.free == 1


async def test_one_that_is_handed_to_somebody_who_is_cancelled_in_that_moment_is_handed_on():
    places = Places(1)
    await take(places)
    first, second = (asyncio.create_task(take(places)) for _ in range(2))
    await settle()
    places.give()
    first.cancel()
    await settle()
    assert first.cancelled()
    assert second.done()
    assert places.free == 0
    places.give()
    assert places.free == 1


async def test_who_waited_too_long_is_told_and_gets_none():
    places = Places(1)
    await take(places)
    with pytest.raises(TimeoutError):
        await take(places, asyncio.get_running_loop().time() + 0.01)
    places.give()
    assert places.free == 1


async def test_none_is_lost_or_given_twice_whatever_happens():
    places, held, most = Places(3), 0, 0

    async def work():
        nonlocal held, most
        try:
            await take(places, asyncio.get_running_loop().time() + random.random() / 50)
        except TimeoutError:
            return
        held += 1
        most = max(most, held)
        try:
            await asyncio.sleep(random.random() / 500)
        finally:
            held -= 1
            places.give()

    tasks = [asyncio.create_task(work()) for _ in range(300)]
    for task in random.sample(tasks, 100):
        await asyncio.sleep(0)
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (places.free, held, most) == (3, 0, 3)
