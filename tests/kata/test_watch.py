"""The watch screen, in a real terminal: keys, saves of every style, and what may go wrong meanwhile."""

import contextlib
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import psutil
import pytest

from kata import state
from kata.watch.saves import Saves
from tests.kata.terminal import SECONDS, Terminal

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a pseudo-terminal is needed")

FILE = "exercises/chap1_numbers/double.py"
RIGHT = "SCALE = 2\n\n\ndef double(x: int) -> int:\n    return x + x\n"
WRONG = "SCALE = 2\n\n\ndef double(x: int) -> int:\n    return x + 1\n"
QUADRUPLE = "from chap1_numbers.double import double\n\n\ndef quadruple(x: int) -> int:\n    return double(double(x))\n"
HINTS = """
[[hint]]
question = "Where do I begin?"
answer = "With a sheet of paper."

[[hint]]
question = "What is left?"
answer = "The other half."

[[hint]]
question = "What about nothing?"
answer = "It stays nothing."
"""
LEFT = b"\x1b[?1049l"
"""What a program writes when it gives the terminal its earlier screen back."""


class Watched:
    """A watch on the small project."""

    def __init__(self, project, *arguments: str, width: int = 80, height: int = 24) -> None:
        self.project = project
        command = [sys.executable, "-m", "kata", "watch", *arguments]
        self.terminal = Terminal(command, project.root, os.environ, width, height)

    def __getattr__(self, name: str):
        return getattr(self.terminal, name)

    def save(self, text: str, path: str = FILE) -> None:
        self.project.write(path, text)


@pytest.fixture
def hinted(stubbed):
    """The small project, with hints."""
    card = "tests/chap1_numbers/double.toml"
    stubbed.write(card, stubbed.read(card) + HINTS)
    return stubbed


@pytest.fixture
def watch(hinted) -> Iterator[Callable[..., Watched]]:
    """Starts a watch on the small project."""
    started: list[Watched] = []

    def start(*arguments: str, **size: int) -> Watched:
        started.append(Watched(hinted, *arguments, **size))
        return started[-1]

    yield start
    for watched in started:
        with contextlib.suppress(pexpect.ExceptionPexpect):  # somebody has waited for its end already
            watched.child.close(force=True)


def settled(points: str) -> Callable[[str], bool]:
    """Whether a screen shows a verdict of so many points that is the last word."""
    return lambda text: f"{points} points" in text.splitlines()[0] and "…" not in text.splitlines()[0]


def test_from_the_stub_to_the_end_of_all(watch, hinted):
    screen = watch()
    screen.until("TODO 1: Multiply by the scale.")
    screen.until(settled("0 of 2"))
    assert "0 of 3 points, 10 kyu, 0 of 2 done" in screen.text
    assert "  exercises/chap1_numbers/double.py" in screen.lines
    assert "n next" not in screen.text
    screen.save(WRONG)
    screen.until("judging double …")
    screen.until("Doubling adds a number to itself.")
    screen.until(settled("0 of 2"))
    screen.save("print('hello')\n" + RIGHT)
    screen.until("done: every law holds.")
    assert "your code printed:\n  hello" in screen.text
    assert "The reference: solutions/chap1_numbers/double.py" in screen.text
    screen.press("s")
    screen.until("return SCALE * x")
    screen.press("d")
    screen.until("- is yours, + is the reference's")
    assert "-    return x + x" in screen.text
    screen.press("escape")
    screen.until("done: every law holds.")
    assert screen.lines[0].startswith("double")  # it never moves by itself
    screen.press("n")
    screen.until(lambda text: text.startswith("quadruple"))
    screen.save(QUADRUPLE, "exercises/chap1_numbers/quadruple.py")
    screen.until("done: every law holds.")
    screen.until("3 of 3 points, 1 kyu, 2 of 2 done")
    screen.press("n")
    screen.until("Every law holds, all the way down to your own tokenizer.")
    assert re.search(r"chap1_numbers +Numbers +3 points", screen.text)
    screen.press("escape")
    screen.until(lambda text: text.startswith("quadruple"))
    screen.press("q")
    assert screen.end() == 0
    assert LEFT in screen.raw
    remembered = json.loads(hinted.read(state.FILE))
    assert remembered["current"] == "quadruple"
    assert set(remembered["solved"]) == {"double", "quadruple"}


def test_it_begins_where_it_was_left(watch, hinted):
    hinted.write(state.FILE, '{"version": 1, "current": "quadruple"}')
    screen = watch()
    screen.until(lambda text: text.startswith("quadruple"))
    screen.press("p")
    screen.until(lambda text: text.startswith("double"))
    screen.press("q")
    assert screen.end() == 0
    assert json.loads(hinted.read(state.FILE))["current"] == "double"


def test_hints_come_one_by_one_and_are_remembered(watch, hinted):
    screen = watch("double")
    screen.until(settled("0 of 2"))
    screen.press("h")
    screen.until("hint 1 of 3: Where do I begin?")
    assert "With a sheet of paper." in screen.text
    screen.press("h")
    screen.until("hint 2 of 3: What is left?")
    assert json.loads(hinted.read(state.FILE))["hints"]["double"] == ["Where do I begin?", "What is left?"]
    screen.press("h", "h")
    screen.until("You have seen all 3 hints.")


def test_the_list_is_filtered_searched_and_leads_to_an_exercise(watch, hinted):
    hinted.write("exercises/chap1_numbers/quadruple.py", QUADRUPLE)
    screen = watch("double")
    screen.until("1 of 3 points")
    screen.press("l")
    screen.until("> · double")
    screen.press("f")
    screen.until(lambda text: "> ✓ quadruple" in text and "· double" not in text)
    screen.press("f")
    screen.until(lambda text: "> · double" in text and "quadruple  " not in text)
    screen.press("f", "/", "q", "u", "a", "d", "r")
    screen.until(lambda text: "> ✓ quadruple" in text and "with 'quadr'" in text)
    screen.press("enter", "escape", "l", "down")
    screen.until("> ✓ quadruple")
    screen.press("enter")
    screen.until(lambda text: text.startswith("quadruple") and "done: every law holds." in text)


def test_reset_asks_and_keeps_a_backup(watch, hinted):
    stub = hinted.read(FILE)
    hinted.write(FILE, WRONG)
    screen = watch("double")
    screen.until(settled("0 of 2"))
    screen.press("x")
    screen.until("Reset double?")
    screen.press("n")
    screen.until("Nothing was reset.")
    assert hinted.read(FILE) == WRONG
    screen.press("x", "y")
    screen.until("Your work is saved as\n.backups/chap1_numbers/double-")
    screen.until("TODO 1: Multiply by the scale.")
    assert hinted.read(FILE) == stub
    assert [file.read_text() for file in (hinted.root / ".backups/chap1_numbers").iterdir()] == [WRONG]
    screen.press("l", "r")
    screen.until("Reset double?")


def test_everything_is_checked_on_a_live_grid(watch, hinted):
    screen = watch("double")
    screen.until(settled("0 of 2"))
    hinted.write("exercises/chap1_numbers/quadruple.py", QUADRUPLE)
    screen.press("c")
    screen.until(lambda text: "✓ quadruple" in text and "· double" in text)
    screen.press("escape")
    screen.until(lambda text: text.startswith("double"))


def test_all_that_is_known_is_a_key_away(watch, hinted):
    hinted.write(FILE, WRONG)
    screen = watch("double")
    screen.until(settled("0 of 2"))
    screen.press("v")
    screen.until("The whole traceback:")
    screen.press("escape")
    screen.until(lambda text: "The whole traceback:" not in text)


def test_on_own_prerequisites_a_prerequisite_counts(watch, hinted):
    hinted.write("exercises/chap1_numbers/quadruple.py", QUADRUPLE)
    hinted.write(FILE, WRONG)
    screen = watch("quadruple")
    screen.until("done: every law holds.")
    screen.press("o")
    screen.until(settled("0 of 1"))
    assert "judged on your own earlier exercises" in screen.text
    screen.save(RIGHT)  # of the prerequisite
    screen.until("done: every law holds.")
    screen.press("o")
    screen.until(lambda text: "Judged on the reference's earlier exercises." in text)


def in_place(file: Path, text: str) -> None:
    file.write_text(text)


def renamed(file: Path, text: str) -> None:
    other = file.with_name("double.py.tmp")
    other.write_text(text)
    other.replace(file)


def moved_away_first(file: Path, text: str) -> None:
    backup = file.with_name("double.py~")
    file.rename(backup)
    file.write_text(text)
    backup.unlink()


def in_two_steps(file: Path, text: str) -> None:
    with open(file, "w") as open_file:
        open_file.write(text[:20])
        open_file.flush()
        os.fsync(open_file.fileno())
        open_file.write(text[20:])


def beside_a_swap_file(file: Path, text: str) -> None:
    swap = file.with_name(".double.py.swp")
    swap.write_bytes(b"b0VIM 8.2" + text.encode())
    file.write_text(text)
    swap.unlink()


def test_a_save_of_any_style_is_seen(watch, hinted):
    file = hinted.root / FILE
    screen = watch("double")
    screen.until(settled("0 of 2"))
    for number, style in enumerate((in_place, renamed, moved_away_first, in_two_steps, beside_a_swap_file)):
        style(file, RIGHT + f"# {number}\n")
        screen.until("done: every law holds.")
        style(file, WRONG + f"# {number}\n")
        screen.until(lambda text: "done: every law holds." not in text and settled("0 of 2")(text))


def test_a_storm_of_saves_ends_with_the_verdict_of_the_last(watch, hinted):
    screen = watch("double")
    screen.until(settled("0 of 2"))
    waiting = threading.Event()  # never set: it paces the saves
    for number in range(100):
        screen.save(WRONG.replace("+ 1", f"+ 1{number:03}"))
        waiting.wait(0.05)
    screen.until(lambda text: settled("0 of 2")(text) and "1099" in text)


def test_a_save_that_changes_no_byte_is_no_save(tmp_path):
    same, other = (tmp_path / "exercises/chap1_numbers" / name for name in ("double.py", "quadruple.py"))
    same.parent.mkdir(parents=True)

    def save(file, text):  # at once: no look falls between an empty file and a full one
        (tmp_path / "new").write_text(text)
        (tmp_path / "new").replace(file)

    save(same, RIGHT)
    told: queue.SimpleQueue[set[Path]] = queue.SimpleQueue()
    saves = Saves(tmp_path / "exercises", told.put)
    try:
        save(same, RIGHT)
        save(other, RIGHT)
        assert told.get(timeout=SECONDS) == {other}
        save(same, WRONG)
        assert told.get(timeout=SECONDS) == {same}
    finally:
        saves.close()


def test_a_loop_that_never_ends_freezes_nothing(watch, hinted):
    screen = watch("double")
    screen.until(settled("0 of 2"))
    screen.save("while True:\n    pass\n")
    screen.until("judging double …")
    screen.press("l")
    screen.until("> ")
    screen.press("escape")
    screen.until("judging double …")
    screen.save(RIGHT)
    screen.until("done: every law holds.")


def test_it_goes_on_when_the_fork_server_has_died(watch, hinted):
    screen = watch("double")
    screen.until(settled("0 of 2"))
    below = psutil.Process(screen.child.pid).children()
    server = next(process for process in below if "forkserver" in " ".join(process.cmdline()))
    server.kill()
    psutil.wait_procs([server], timeout=10)
    screen.save(RIGHT)
    screen.until("done: every law holds.")
    screen.save(WRONG)
    screen.until(settled("0 of 2"))


def test_saves_are_seen_in_a_folder_that_was_made_anew(tmp_path):
    file = tmp_path / "exercises/chap1_numbers/double.py"
    file.parent.mkdir(parents=True)
    file.write_text(WRONG)
    told: queue.SimpleQueue[set[Path]] = queue.SimpleQueue()
    saves = Saves(tmp_path / "exercises", told.put)
    try:
        shutil.rmtree(tmp_path / "exercises")
        assert told.get(timeout=SECONDS) == {file}
        file.parent.mkdir(parents=True)
        for text in (RIGHT, WRONG):
            file.write_text(text)
            assert told.get(timeout=SECONDS) == {file}
    finally:
        saves.close()


def test_a_crash_is_told(watch, hinted):
    screen = watch("double")
    screen.until(settled("0 of 2"))
    screen.save("import os\nos._exit(3)\n")
    screen.until("ended its own process with exit status 3")
    screen.save(RIGHT)
    screen.until("done: every law holds.")


def test_a_file_that_is_gone_is_told(watch, hinted):
    screen = watch("double")
    screen.until(settled("0 of 2"))
    (hinted.root / FILE).unlink()
    screen.until("x puts its stub there.")
    screen.press("x", "y")
    screen.until("TODO 1: Multiply by the scale.")


def test_it_is_drawn_anew_after_a_resize(watch):
    screen = watch("double", width=100, height=30)
    screen.until(settled("0 of 2"))
    for width, height in ((60, 18), (120, 40), (80, 24)):
        screen.resize(width, height)
        screen.until(lambda text, width=width: is_drawn_for(width, text.splitlines()))
        assert len(screen.lines) == height
    for last in (90, 100) * 10:  # as fast as signals go: two may be told in the wrong order
        for step in range(12):
            screen.resize(60 + 5 * step, 18 + step % 7)
        screen.resize(last, 20)
        screen.until(lambda text, width=last: is_drawn_for(width, text.splitlines()))


def is_drawn_for(width: int, lines: list[str]) -> bool:
    """Whether the heading is in the first line, the bar as wide as the screen, and the keys in the last line."""
    bars = [len(line) for line in lines if line.startswith("━")]
    return lines[0].startswith("double ") and bars == [width] and lines[-1].endswith("q quit")


def test_a_memory_that_was_cut_in_half_is_set_aside(watch, hinted):
    hinted.write(state.FILE, '{"version": 1, "current": "quad')
    screen = watch()
    screen.until("could not be understood")
    screen.until(settled("0 of 2"))
    assert hinted.read(f"{state.FILE}.broken-1") == '{"version": 1, "current": "quad'


def test_it_says_that_nothing_can_be_remembered(watch, hinted):
    (hinted.root / ".kata/state.lock").mkdir(parents=True)
    screen = watch("double")
    screen.until(settled("0 of 2"))
    screen.press("h")
    screen.until("hint 1 of 3")
    screen.until(f"{state.FILE} cannot be written: Is a directory. What you do now will not be\nremembered.")


def test_two_watches_at_once_remember_what_both_have_shown(watch, hinted):
    one, other = watch("double"), watch("double")
    for screen in (one, other):
        screen.until(settled("0 of 2"))
    one.press("h")
    one.until("hint 1 of 3")
    other.press("h")
    other.until("hint 2 of 3")
    one.save(RIGHT)
    for screen in (one, other):
        screen.until("done: every law holds.")
    assert len(json.loads(hinted.read(state.FILE))["hints"]["double"]) == 2


@pytest.fixture
def full_disk(hinted) -> Iterator[Path]:
    """The small project on a disk with no room left."""
    subprocess.run(["cp", "-r", hinted.root, f"{hinted.root}-copy"], check=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(hinted.root)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("a disk of one's own may not be mounted here")
    try:
        subprocess.run(["cp", "-r", f"{hinted.root}-copy/.", hinted.root], check=True)
        with open(hinted.root / "filling", "wb", buffering=0) as filling, contextlib.suppress(OSError):
            while True:
                filling.write(bytes(4096))
        yield hinted.root
    finally:
        subprocess.run(["umount", "-l", str(hinted.root)], check=True)


def test_on_a_full_disk_it_judges_and_says_what_it_cannot_keep(watch, full_disk):
    screen = watch("double")
    screen.until("No space left on device")
    with open(full_disk / FILE, "r+") as file:  # what the file takes already can be written over
        length = len(file.read())
        file.seek(0)
        file.write(RIGHT.ljust(length, "\n"))
    screen.until("done: every law holds.")
    screen.press("q")
    assert screen.end() == 0


@pytest.mark.parametrize("end", ["signal", "ctrl+c", "fault"])
def test_the_terminal_is_given_back_however_it_ends(watch, hinted, end):
    if end == "fault":
        source = hinted.read("kata/watch/screen.py")
        hinted.write("kata/watch/screen.py", source.replace('case "list":', 'case "list":\n            1 / 0'))
    screen = watch("double")
    screen.until(settled("0 of 2"))
    below = psutil.Process(screen.child.pid).children(recursive=True)
    if end == "signal":
        os.kill(screen.child.pid, signal.SIGTERM)
        assert screen.end() == 128 + signal.SIGTERM
    elif end == "ctrl+c":
        screen.press("ctrl+c")
        assert screen.end() == 0
    else:
        screen.press("l")
        assert screen.end() == 2
        said = screen.raw.rpartition(LEFT)[2].decode()
        assert "This is a fault of the judge, not of your code: ZeroDivisionError." in said
        assert "Traceback" not in said
        assert "ZeroDivisionError" in hinted.read(".kata/fault.txt")
    assert LEFT in screen.raw
    assert b"\x1b[?25h" in screen.raw  # the cursor is shown again
    psutil.wait_procs(below, timeout=10)
    assert [process for process in below if process.is_running() and process.status() != "zombie"] == []


def test_no_process_outlives_a_watch_that_is_killed(watch):
    screen = watch("double")
    screen.until(settled("0 of 2"))
    below = psutil.Process(screen.child.pid).children(recursive=True)
    os.kill(screen.child.pid, signal.SIGKILL)
    psutil.wait_procs(below, timeout=10)
    assert [process for process in below if process.is_running() and process.status() != "zombie"] == []


@pytest.mark.parametrize("put_aside", [False, True])
def test_it_ends_with_its_terminal(watch, put_aside):
    screen = watch("double")
    screen.until(settled("0 of 2"))
    process = psutil.Process(screen.child.pid)
    if put_aside:
        screen.press("ctrl+z")
        while process.status() != psutil.STATUS_STOPPED:
            screen.read(0.05)
    processes = [process, *process.children(recursive=True)]
    screen.child.ptyproc.fileobj.close()
    psutil.wait_procs(processes, timeout=10)
    assert [each for each in processes if each.is_running() and each.status() != "zombie"] == []


def test_it_can_be_put_aside_and_taken_up_again(watch):
    screen = watch("double")
    screen.until(settled("0 of 2"))
    screen.press("ctrl+z")
    process = psutil.Process(screen.child.pid)
    while process.status() != psutil.STATUS_STOPPED:
        screen.read(0.05)
    assert LEFT in screen.raw
    process.resume()
    screen.press("l")
    screen.until("> · double")


@contextlib.contextmanager
def started(project, *arguments: str, **environment: str) -> Iterator[Iterator[str]]:
    """The lines that a watch without a terminal says, as they come."""
    running = subprocess.Popen(
        [sys.executable, "-m", "kata", "watch", *arguments],
        cwd=project.root,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    timer = threading.Timer(SECONDS, running.kill)
    timer.start()
    try:
        yield running.stdout
    finally:
        timer.cancel()
        running.terminate()
        running.communicate()


def test_where_the_file_system_tells_nothing_saves_are_looked_for(hinted):
    with started(hinted, "--jsonl", "double", WATCHFILES_FORCE_POLLING="true") as lines:
        assert json.loads(next(lines))["status"] == "todo"
        hinted.write(FILE, RIGHT)
        assert json.loads(next(lines))["status"] == "passed"


def test_without_a_terminal_each_verdict_is_a_block_of_text(hinted):
    with started(hinted, "double") as lines:
        assert next(lines) == "double: 0 of 2 points\n"
        assert next(lines) == "Next: double, Twice double\n"
        hinted.write(FILE, RIGHT)
        assert "double: done, 2 of 2 points.\n" in lines
