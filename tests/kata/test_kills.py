"""Killing a call that writes files, at every moment."""

import os
import shutil
import tempfile

import pytest

from kata.laws import kills
from kata.laws.kills import Kill

OLD, NEW = b"old" * 100, b"new!" * 100
SIZES = (0, 200, len(NEW) - 1)


def in_place(path):
    path.write_bytes(NEW)


def renamed(path):
    other = path.with_name("other")
    other.write_bytes(NEW)
    os.replace(other, path)


def removed_first(path):
    other = path.with_name("other")
    other.write_bytes(NEW)
    path.unlink()
    other.rename(path)


def copied(path):
    other = path.with_name("other")
    other.write_bytes(NEW)
    shutil.copyfile(other, path)


def renamed_before_written(path):
    other = path.with_name("other")
    with open(other, "wb") as file:
        file.write(NEW)
        os.replace(other, path)


def left_behind(write, folder):
    """What is found at the path after each kill, and after the last run, which is none."""
    path = folder / "home" / "file"
    path.parent.mkdir()
    found = []
    for kill in kills.every_kill(lambda: write(path), path.parent, SIZES):
        found.append((kill.ending, path.read_bytes() if path.exists() else None))
        path.write_bytes(OLD)
    return found


def test_what_is_renamed_into_place_is_old_or_new(tmp_path):
    found = left_behind(renamed, tmp_path)
    assert found[-1] == ("ended", NEW)
    assert [what for ending, what in found[1:] if ending == "killed"] == [OLD] * 7  # before the first there was none
    assert [what for ending, what in found if ending == "ended"] == [NEW] * 4


@pytest.mark.parametrize("write", [in_place, removed_first, copied, renamed_before_written])
def test_what_is_not_renamed_into_place_is_found_broken(tmp_path, write):
    assert {what in (OLD, NEW) for ending, what in left_behind(write, tmp_path)[1:]} == {True, False}


def test_moments_are_said_in_words(tmp_path):
    path = tmp_path / "file"
    said = [str(kill) for kill in kills.every_kill(lambda: renamed(path), tmp_path, (7,)) if kill.ending == "killed"]
    assert said == [
        "after 7 bytes of a file",
        "right before it opens a file for writing",
        "after 7 bytes of a file",
        "right before it renames a file",
    ]


def test_an_error_of_the_call_ends_it_and_is_told(tmp_path):
    (kill,) = kills.every_kill(lambda: 1 // 0, tmp_path, ())
    assert kill == Kill(0, None, "raised", "ZeroDivisionError: integer division or modulo by zero")


def test_other_folders_are_another_file_system(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    *_, kill = kills.every_kill(lambda: from_elsewhere(home / "file"), home, ())
    assert (kill.ending, "cross-device" in kill.said) == ("raised", True)
    from_elsewhere(home / "file")  # only in the process that was to be killed


def test_where_nothing_can_be_forked_the_call_is_broken_off(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "fork")
    assert left_behind(renamed, tmp_path)[1:] == [("killed", OLD), ("ended", NEW)]
    shutil.rmtree(tmp_path / "home")
    assert left_behind(removed_first, tmp_path)[2] == ("killed", None)


def from_elsewhere(path):
    file, name = tempfile.mkstemp(dir=path.parent.parent)
    os.close(file)
    os.replace(name, path)


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (renamed, []),
        (in_place, ["the old file is written over"]),
        (removed_first, ["the old file is gone before the new one comes"]),
        (copied, ["another file is written", "the old file is written over"]),
        (renamed_before_written, ["the file is renamed before it is whole"]),
        (from_elsewhere, ["raises EXDEV"]),
    ],
)
def test_one_run_shows_how_a_file_is_replaced(tmp_path, write, expected):
    path = tmp_path / "home" / "file"
    path.parent.mkdir()
    path.write_bytes(OLD)
    assert kills.habits(lambda: write(path), path) == expected
