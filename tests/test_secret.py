"""`Secret`: a string that does not show itself."""

import copy
import json
import pickle
import traceback

import pytest

from unmta_async import Secret
from unmta_async.secret import MASK

VALUE = "aB3dEfGhIjKlMnOp"


@pytest.mark.parametrize(
    "show",
    [str, repr, "{}".format, "{!r}".format, "{:>20}".format, "%s".__mod__, "%r".__mod__, ascii],
)
def test_it_prints_as_asterisks(show):
    shown = show(Secret(VALUE))
    assert MASK in shown
    assert VALUE not in shown


def test_the_mask_is_what_is_documented():
    assert str(Secret(VALUE)) == format(Secret("")) == MASK == "**********"


def test_reveal_gives_the_value():
    assert Secret(VALUE).reveal() == VALUE


@pytest.mark.parametrize("value", ["", "ä", "\ud800", "x" * 1000])
def test_it_equals_a_secret_of_the_same_value(value):
    assert Secret(value) == Secret(value)
    assert Secret(value) != Secret(value + "x")
    assert len({Secret(value), Secret(value)}) == 1


def test_it_does_not_equal_its_value():
    assert Secret(VALUE) != VALUE
    assert hash(Secret(VALUE)) != hash(VALUE)


def test_it_is_true_unless_empty():
    assert Secret(VALUE)
    assert not Secret("")


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_it_can_be_copied(duplicate):
    assert duplicate(Secret(VALUE)) == Secret(VALUE)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_cannot_be_pickled(protocol):
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Secret(VALUE), protocol)


def test_json_refuses_it():
    with pytest.raises(TypeError) as caught:
        json.dumps({"password": Secret(VALUE)})
    assert VALUE not in "".join(traceback.format_exception(caught.value))


def test_it_cannot_be_changed():
    secret = Secret(VALUE)
    with pytest.raises(AttributeError, match="make a new one"):
        secret._value = "other"
    with pytest.raises(AttributeError, match="make a new one"):
        del secret._value
    with pytest.raises(AttributeError):
        secret.note = "new"
    assert not hasattr(secret, "__dict__")
    assert secret.reveal() == VALUE
