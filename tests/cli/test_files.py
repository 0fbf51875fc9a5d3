"""Files that commands read and write, and how to go on."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from unmta_async.cli.failures import CommandError
from unmta_async.cli.files import check_writable, read_text, to_go_on, write_atomically


def test_whether_a_file_can_be_written_is_seen_without_leaving_one(tmp_path):
    check_writable(tmp_path / "new.txt")
    assert not list(tmp_path.iterdir())
    (tmp_path / "old.txt").write_text("kept")
    check_writable(tmp_path / "old.txt")
    assert (tmp_path / "old.txt").read_text() == "kept"
    for wrong in (tmp_path, tmp_path / "no" / "file.txt"):
        with pytest.raises((IsADirectoryError, FileNotFoundError)) as caught:
            check_writable(wrong)
        assert caught.value.filename == str(wrong)


def test_a_file_is_written_as_a_whole_or_stays(tmp_path):
    file = tmp_path / "left.txt"
    write_atomically(file, "one\n")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(file, "two\n\udcff")
    assert file.read_text() == "one\n"
    assert list(tmp_path.iterdir()) == [file]


def test_a_pipe_is_written_to_and_not_replaced():
    read, write = os.pipe()
    with os.fdopen(read) as reader:
        check_writable(Path(f"/dev/fd/{write}"))
        write_atomically(Path(f"/dev/fd/{write}"), "one\n")
        os.close(write)
        assert reader.read() == "one\n"


def test_what_is_no_text_is_refused_by_its_name(tmp_path, monkeypatch):
    (tmp_path / "token").write_bytes(b"\xff\xfe")
    with pytest.raises(CommandError, match="token: it is not text"):
        read_text(tmp_path / "token")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe")))
    with pytest.raises(CommandError, match="<stdin>: it is not text"):
        read_text("-")


@pytest.mark.parametrize(
    ("file", "left", "words", "told"),
    [
        ("a.txt", None, "x ./a.txt -n", "To go on:\n  unmta x ./a.txt -n"),
        ("a.txt", "l.txt", "x ./a.txt -n", "To go on:\n  unmta x l.txt -n"),
        ("a.txt", "l.txt", "x --file=a.txt", "To go on:\n  unmta x --file=l.txt"),
        ("-", None, "x -", "To go on, with the same input:\n  unmta x -"),
        ("-", "l.txt", "x -", "To go on:\n  unmta x l.txt"),
        (None, None, "x b a", "To go on:\n  unmta x b a"),
    ],
)
def test_to_go_on_is_the_same_command_with_what_is_left(monkeypatch, file, left, words, told):
    monkeypatch.setattr(sys, "argv", ["anything", *words.split()])
    assert to_go_on(file, left) == told
