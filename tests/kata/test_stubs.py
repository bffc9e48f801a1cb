"""Stubs: derived from solutions, compared, written, put back; a learner's work is never lost."""

import pytest

from kata import stubs

SOLUTION = '''"""A thing."""

import math

PI = 3


class Circle:
    """Round."""

    corners: int = 0

    def __init__(self, radius: float) -> None:
        self.radius = radius  # given

    def area(self) -> float:
        """How much it covers.

        >>> Circle(1).area()
        3
        """
        # 1. Square the radius,
        #    without a library.
        square = self.radius * self.radius
        # Surprising: no math.pi here.
        if square:
            # 2. Multiply by PI.
            return PI * square

        def helper():
            return 0

        return helper()


def one_line(x): return x
'''

STUB = '''"""A thing."""

import math

PI = 3


class Circle:
    """Round."""

    corners: int = 0

    def __init__(self, radius: float) -> None:
        self.radius = radius  # given

    def area(self) -> float:
        """How much it covers.

        >>> Circle(1).area()
        3
        """
        # TODO 1: Square the radius,
        #         without a library.
        # TODO 2: Multiply by PI.
        raise NotImplementedError


def one_line(x):
    # TODO: write this.
    raise NotImplementedError
'''


def test_a_stub_keeps_what_is_given_and_turns_steps_into_todos():
    assert stubs.derive(SOLUTION, given=["Circle.__init__"]) == STUB


def test_a_constructor_that_is_not_given_is_to_be_written():
    stub = stubs.derive(SOLUTION)
    assert "self.radius = radius" not in stub
    assert stub.count("raise NotImplementedError") == 3


def test_a_given_name_that_the_solution_lacks_is_refused():
    with pytest.raises(stubs.StubError, match=r"Circle\.perimeter"):
        stubs.derive(SOLUTION, given=["Circle.perimeter"])


def test_a_committed_stub_that_differs_is_found_and_written_anew(stubbed):
    assert stubbed.kata("stubs", "--check").returncode == 0
    stubbed.write("exercises/chap1_numbers/double.py", "x = 1\n")
    (stubbed.root / "exercises/chap1_numbers/quadruple.py").unlink()
    check = stubbed.kata("stubs", "--check")
    assert check.returncode == 1
    assert "double.py: differs" in check.stdout
    assert "quadruple.py: is missing" in check.stdout
    assert stubbed.read("exercises/chap1_numbers/double.py") == "x = 1\n"  # a check changes nothing
    assert stubbed.kata("stubs").returncode == 0
    assert stubbed.kata("stubs", "--check").returncode == 0


def test_reset_saves_the_learners_text_and_prints_where(stubbed):
    stub = stubbed.read("exercises/chap1_numbers/double.py")
    for work in ("mine\n", "mine, again\n"):
        stubbed.write("exercises/chap1_numbers/double.py", work)
        done = stubbed.kata("reset", "double")
        assert done.returncode == 0
        assert stubbed.read("exercises/chap1_numbers/double.py") == stub
        backup = done.stdout.split("Your work is saved as ")[1].splitlines()[0]
        assert stubbed.read(backup) == work
    assert len(list((stubbed.root / ".backups/chap1_numbers").iterdir())) == 2


def test_reset_keeps_work_that_is_no_text(stubbed):
    file = stubbed.root / "exercises/chap1_numbers/double.py"
    file.write_bytes(b"\xff\x00mine")
    assert stubbed.kata("reset", "double").returncode == 0
    assert [backup.read_bytes() for backup in (stubbed.root / ".backups").rglob("*.py")] == [b"\xff\x00mine"]


def test_reset_writes_a_missing_stub_and_leaves_an_untouched_one_alone(stubbed):
    (stubbed.root / "exercises/chap1_numbers/double.py").unlink()
    assert stubbed.kata("reset", "double").returncode == 0
    assert "untouched stub already" in stubbed.kata("reset", "double").stdout
    assert not (stubbed.root / ".backups").exists()


def test_reset_takes_one_exercise_only(stubbed):
    stubbed.write("exercises/chap1_numbers/double.py", "mine\n")
    assert stubbed.kata("reset").returncode == 2
    assert "is a chapter" in stubbed.kata("reset", "chap1_numbers").stderr
    assert "Did you mean double" in stubbed.kata("reset", "dubble").stderr
    assert stubbed.read("exercises/chap1_numbers/double.py") == "mine\n"
