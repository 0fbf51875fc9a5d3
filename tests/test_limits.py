"""The time limits of attempts: who is late is cancelled, once, and nobody else."""

from __future__ import annotations

import asyncio
import random

import pytest

from unmta_async._limits import TimeLimits

SOON = 0.01  # seconds
FAR = 60.0


def now():
    return asyncio.get_running_loop().time()


async def within(limits, seconds, working):
    """Do as an attempt does: return whether the work was late."""
    began = now()
    limit, is_late = limits.start(began, began + seconds), False
    try:
        await working
    except asyncio.CancelledError:
        is_late = limits.stop(limit)
        if not is_late:
            raise
    else:
        is_late = limits.stop(limit)
    return is_late


async def test_who_is_late_is_cancelled_and_may_go_on():
    limits = TimeLimits()
    assert await within(limits, SOON, asyncio.sleep(FAR))
    assert asyncio.current_task().cancelling() == 0
    assert not await within(limits, SOON, asyncio.sleep(0))


async def test_who_is_in_time_is_never_cancelled_afterwards():
    limits = TimeLimits()
    assert not await within(limits, SOON, asyncio.sleep(0))
    await asyncio.sleep(3 * SOON)


async def test_a_time_that_is_over_ends_at_the_first_wait():
    assert await within(TimeLimits(), -FAR, asyncio.sleep(FAR))


async def test_no_end_needs_no_timer():
    limits = TimeLimits()
    assert not await within(limits, float("inf"), asyncio.sleep(0))
    assert limits._timer is None


async def test_an_earlier_end_is_not_kept_waiting_by_a_later_one():
    limits = TimeLimits()
    later = asyncio.create_task(within(limits, FAR, asyncio.sleep(FAR)))
    await asyncio.sleep(0)
    assert await within(limits, SOON, asyncio.sleep(FAR))
    assert not later.done()
    later.cancel()
    with pytest.raises(asyncio.CancelledError):
        await later


async def test_a_cancellation_by_somebody_else_is_not_taken_for_being_late():
    limits = TimeLimits()
    task = asyncio.create_task(within(limits, SOON, asyncio.sleep(FAR)))
    await asyncio.sleep(0)
    (limit,) = limits._under_way
    limit.ends = 0.0
    limits._ring()
    task.cancel()  # in the same moment
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def test_a_task_that_cleans_up_after_a_cancellation_has_its_limits():
    limits, late = TimeLimits(), []

    async def clean_up():
        try:
            await asyncio.sleep(FAR)
        finally:
            late.append(await within(limits, SOON, asyncio.sleep(FAR)))

    task = asyncio.create_task(clean_up())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert late == [True]


async def test_of_many_each_is_late_who_should_be_and_one_timer_is_enough(monkeypatch):
    limits, dice, timers = TimeLimits(), random.Random(7), []
    loop = asyncio.get_running_loop()
    call_at = loop.call_at
    plans = [(dice.choice([SOON, FAR]), dice.choice([0, FAR])) for _ in range(200)]

    def note(when, callback, *args, **options):
        if callback == limits._ring:
            timers.append(when)
        return call_at(when, callback, *args, **options)

    monkeypatch.setattr(loop, "call_at", note)
    works = [
        asyncio.create_task(within(limits, seconds, asyncio.sleep(work)))
        for seconds, work in plans
        if (seconds, work) != (FAR, FAR)
    ]
    wanted = [seconds < work for seconds, work in plans if (seconds, work) != (FAR, FAR)]
    assert await asyncio.gather(*works) == wanted
    assert not limits._under_way
    assert len(timers) < len(works) / 4


async def test_a_limit_takes_a_task():
    def start():
        try:
            TimeLimits().start(0.0, FAR)
        except RuntimeError as error:
            told.set_result(str(error))

    told = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(start)
    assert "takes a task" in await told
