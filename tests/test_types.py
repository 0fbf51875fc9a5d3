"""The small types of the generated code: `UNSET`, open enums, times."""

import copy
import pickle
from datetime import UTC, datetime, timedelta

import pytest

from unmta_async import UNSET
from unmta_async._convert import reader
from unmta_async._types import OpenEnum, OpenIntEnum, Timestamp, Unset, known
from unmta_async.models import ClusterStatus, DomainStatus

DUPLICATES = [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))]


class Colour(OpenEnum):
    RED = "red"


class Level(OpenIntEnum):
    LOW = known(1)


@pytest.mark.parametrize("duplicate", DUPLICATES)
def test_unset_stays_the_one_and_only(duplicate):
    assert duplicate(UNSET) is UNSET
    assert list(Unset) == [UNSET]


def test_unset_is_false_and_shows_its_name():
    assert not UNSET
    assert UNSET is not None
    assert repr(UNSET) == "UNSET"


@pytest.mark.parametrize("kind", [ClusterStatus, DomainStatus, Colour])
@pytest.mark.parametrize("value", ["suspended", "", "RED", "with space", "ä"])
def test_an_unknown_value_is_kept_and_of_the_type(kind, value):
    member = kind(value)
    assert type(member) is kind
    assert member == value == member.value == str(member) == f"{member}"
    assert member == kind(value)
    assert member != kind("another")
    assert value in repr(member)


@pytest.mark.parametrize("value", ["pending", "suspended"])
@pytest.mark.parametrize("duplicate", DUPLICATES)
def test_a_member_known_or_not_survives_copying(duplicate, value):
    clone = duplicate(DomainStatus(value))
    assert clone == value
    assert type(clone) is DomainStatus


@pytest.mark.parametrize("value", ["pending", "suspended"])
def test_a_member_known_or_not_is_found_by_its_string(value):
    assert {value: "found"}[DomainStatus(value)] == "found"
    assert {DomainStatus(value): "found"}[value] == "found"


def test_a_known_value_is_the_member_itself():
    assert DomainStatus("pending") is DomainStatus.PENDING


def test_an_unknown_value_adds_no_member():
    DomainStatus("suspended")
    assert list(DomainStatus) == ["pending", "verified"]


@pytest.mark.parametrize("value", [None, 5, True, b"pending", ["pending"]])
def test_what_is_no_string_is_no_member(value):
    with pytest.raises(ValueError, match="not a valid DomainStatus"):
        DomainStatus(value)


@pytest.mark.parametrize("value", [0, -1, 7, 2**70])
@pytest.mark.parametrize("duplicate", DUPLICATES)
def test_an_unknown_integer_is_kept_and_of_the_type(duplicate, value):
    member = duplicate(Level(value))
    assert type(member) is Level
    assert member == value == member.value == int(f"{member}")
    assert {value: "found"}[member] == "found"
    assert str(value) in repr(member)
    assert list(Level) == [1]


@pytest.mark.parametrize("value", [None, "1", 1.5, [1]])
def test_what_is_no_integer_is_no_member_of_an_enum_of_integers(value):
    with pytest.raises(ValueError, match="not a valid Level"):
        Level(value)


@pytest.mark.parametrize(
    "text",
    [
        "2025-01-15T10:30:00Z",
        "2025-01-15T10:30:00.000000Z",
        "2025-01-15T10:30:00+00:00",
        "2025-01-15T12:30:00+02:00",
        "2025-01-15T10:30:00",
    ],
)
def test_a_timestamp_is_aware(text):
    time = reader(Timestamp)(f'"{text}"'.encode())
    assert time == datetime(2025, 1, 15, 10, 30, tzinfo=UTC)
    assert time.utcoffset() in {timedelta(0), timedelta(hours=2)}
