"""Whatever a submission does, the judge finishes, says what happened, and every other exercise keeps its points."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass

import psutil
import pytest

from kata import curriculum, job, limits, worker
from kata import judge as judge_module
from kata.verdict import ExerciseVerdict

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the system has no such limit")


@dataclass
class Judged:
    """What the judge said of `double`."""

    double: ExerciseVerdict


@pytest.fixture
def judge(stubbed, monkeypatch):
    """Judges a text as `double`, with a right `quadruple` beside it, which must keep its point whatever happens.

    In this process, so that one warm server serves all tests; the workers are as real as ever.
    """
    stubbed.write("exercises/chap1_numbers/quadruple.py", stubbed.read("solutions/chap1_numbers/quadruple.py"))
    monkeypatch.chdir(stubbed.root)

    def judged(text: str | bytes, **options) -> Judged:
        file = stubbed.root / "exercises/chap1_numbers/double.py"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return judge_tree(stubbed, **options)

    return judged


def judge_tree(project, **options) -> Judged:
    lessons = curriculum.load(project.root)
    tree = project.root / "exercises"
    verdict = judge_module.judge(lessons, lessons.exercises, tree, "exercises", "reference", **options)
    double, beside = verdict.exercises
    assert (beside.status, beside.points) == ("passed", 1)
    assert verdict.points == double.points + 1
    assert double.max_points == 2
    return Judged(double)


@pytest.fixture
def impatient(monkeypatch):
    """A limit of time that a test can wait for."""
    monkeypatch.setattr(limits, "SECONDS", 2.0)


def laws(judged: Judged) -> list[str]:
    return [law.status for law in judged.double.laws]


def test_a_right_submission_passes(judge):
    done = judge("def double(x):\n    return 2 * x\n")
    assert (done.double.status, laws(done)) == ("passed", ["passed", "passed"])


@pytest.mark.usefixtures("impatient")
def test_an_endless_loop_costs_its_law_only(judge):
    done = judge("def double(x):\n    while x > 1:\n        pass\n    return 2 * x\n")
    assert done.double.status == "timeout"
    assert laws(done) == ["failed", "passed"]
    assert "did not end within 2 seconds" in done.double.laws[0].message
    assert "It was at line" in done.double.laws[0].message
    assert done.double.laws[0].place.endswith(("double.py:2", "double.py:3"))


@pytest.mark.usefixtures("impatient")
def test_a_loop_that_swallows_every_exception_is_ended(judge):
    loop = "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass\n"
    setting = "import signal\nfor s in (signal.SIGINT, signal.SIGTERM):\n    signal.signal(s, signal.SIG_IGN)\n"
    done = judge(setting + loop)
    assert done.double.status == "timeout"
    assert laws(done) == ["failed", "failed"]


@pytest.mark.usefixtures("impatient")
def test_a_thread_that_never_ends_is_not_waited_for(judge):
    text = (
        "import threading\nthreading.Thread(target=threading.Event().wait).start()\ndef double(x):\n    return 2 * x\n"
    )
    assert judge(text).double.status == "passed"


@pytest.mark.parametrize(
    "way",
    [
        "os._exit(0)",
        "os._exit(3)",
        "os.kill(os.getpid(), 11)",
        "os.abort()",
        # Its own end follows its parent's, in a moment.
        "os.kill(os.getppid(), 9)\n    while True:\n        pass",
    ],
)
def test_a_process_that_ends_earns_nothing_by_silence(judge, way):
    done = judge(f"import os\ndef double(x):\n    {way}\n")
    assert done.double.status == "crashed"
    assert laws(done) == ["failed", "failed"]
    assert done.double.points == 0


def test_a_crash_is_named(judge):
    done = judge("import os\ndef double(x):\n    os.abort()\n")
    assert "SIGABRT" in done.double.laws[0].message
    assert "It was at line 3: `os.abort()`." in done.double.laws[0].message
    assert "exit status 3" in judge("import os\ndef double(x):\n    os._exit(3)\n").double.laws[0].message


def test_the_laws_before_and_after_a_crash_keep_their_verdict(judge):
    done = judge("import os\ndef double(x):\n    if x == 0: os._exit(0)\n    return 2 * x\n")
    # The first law draws 0 too, so it is the second, which asks for 0 alone, that the fresh worker meets.
    assert laws(done) == ["failed", "failed"]
    start = "import os\ncalls = []\ndef double(x):\n    calls.append(x)\n"
    done = judge(start + "    if len(calls) == 3: os._exit(0)\n    return 2 * x\n")
    assert laws(done) == ["failed", "passed"]
    assert done.double.status == "crashed"


@pytest.mark.parametrize(
    "way", ["raise SystemExit", "raise KeyboardInterrupt", "exit(0)", "import pytest; pytest.exit('ha')"]
)
@pytest.mark.parametrize("place", ["import", "call"])
def test_leaving_by_an_exception_is_no_way_out(judge, way, place):
    text = f"{way}\n" if place == "import" else f"def double(x):\n    {way}\n"
    done = judge(text)
    assert done.double.points == 0
    assert "passed" not in laws(done)


@pytest.mark.parametrize(
    "way",
    [
        "import pytest; pytest.skip('no need')",
        "import pytest; pytest.xfail('expected')",
        "import unittest; raise unittest.SkipTest('no need')",
        "import hypothesis; hypothesis.reject()",
        "import hypothesis; hypothesis.assume(False)",
    ],
)
def test_a_law_that_was_skipped_is_not_green(judge, way):
    done = judge(f"def double(x):\n    {way}\n")
    assert done.double.points == 0
    assert "passed" not in laws(done)


def test_an_exit_handler_changes_nothing(judge):
    text = "import atexit, os\natexit.register(lambda: os._exit(0))\ndef double(x):\n    return 3 * x\n"
    done = judge(text)
    assert laws(done) == ["failed", "passed"]


@linux_only
def test_too_much_memory_becomes_an_ordinary_failure(judge):
    done = judge("def double(x):\n    return len(bytearray(3 * 1024**3)) and 2 * x\n")
    assert done.double.status == "failed"
    assert "MemoryError" in done.double.laws[0].message


@linux_only
def test_shared_memory_is_watched_from_outside(judge):
    text = "import mmap\ndef double(x):\n    m = mmap.mmap(-1, 3 * 1024**3)\n    while True: m.write(b'x' * 2**20)\n"
    done = judge(text)
    assert done.double.status == "memory"
    assert "more than 1 GiB of memory" in done.double.laws[0].message


@linux_only
def test_processes_and_threads_are_counted(judge):
    start = "import threading\ndef double(x):\n    wait = threading.Event().wait\n"
    done = judge(start + "    for i in range(100): threading.Thread(target=wait).start()\n    wait()\n")
    assert "more than 64 processes and threads" in done.double.laws[0].message
    assert "passed" not in laws(done)


@linux_only
@pytest.mark.parametrize("way", ["plain", "new session", "double fork"])
def test_no_process_outlives_its_verdict(judge, stubbed, way):
    leave = {
        "plain": "pass",
        "new session": "os.setsid()",
        "double fork": "os.setsid()\n        if os.fork(): os._exit(0)",
    }[way]
    text = f"""
import os, time

def double(x):
    if os.fork() == 0:
        {leave}
        with open({str(stubbed.root / "pids")!r}, "a") as pids:
            print(os.getpid(), file=pids)
        time.sleep(600)
    return 2 * x
"""
    judge(text)
    pids = [int(pid) for pid in stubbed.read("pids").split()]
    assert pids
    assert [pid for pid in pids if psutil.pid_exists(pid)] == []


def test_output_is_shown_under_its_law_and_cut(judge):
    done = judge("def double(x):\n    print('x is', x)\n    return 2 * x\n")
    assert done.double.status == "passed"
    assert done.double.laws[1].output == "x is 0\n"
    done = judge("def double(x):\n    print('y' * 30_000)\n    return 2 * x\n")
    assert "more characters were printed" in done.double.laws[1].output
    assert len(done.double.laws[1].output) < 10_200


def test_a_flood_of_output_is_stopped(judge):
    done = judge("import sys\ndef double(x):\n    while True: sys.stderr.write('z' * 10_000)\n")
    assert done.double.status == "crashed"
    assert "more than 1 MB" in done.double.laws[0].message


@pytest.mark.parametrize(
    "data",
    [b"def double(x):\n    return '\xff'\n", b"\x00", b"", b"def double(x):\n\tif x:\n        return 2\n"],
    ids=["not UTF-8", "NUL", "empty", "tabs"],
)
def test_files_that_are_no_python_are_errors_of_their_own(judge, data):
    done = judge(data)
    assert done.double.points == 0
    assert done.double.status in ("error", "failed")
    assert done.double.laws[0].message


def test_a_folder_where_the_file_should_be_is_missing(judge, stubbed):
    judge("")
    (stubbed.root / "exercises/chap1_numbers/double.py").unlink()
    (stubbed.root / "exercises/chap1_numbers/double.py").mkdir()
    assert judge_tree(stubbed).double.status == "missing"


def test_what_one_exercise_leaves_behind_does_not_reach_the_next(judge):
    text = (
        "import os, sys, torch, builtins\nos.chdir('/')\nsys.path.clear()\ntorch.set_default_dtype(torch.float64)\n"
        "torch.set_grad_enabled(False)\nbuiltins.len = None\nsys.stdout.close()\ndef double(x):\n    return 2 * x\n"
    )
    judge(text)


def test_verdicts_do_not_depend_on_jobs_or_cache(judge):
    def without_seconds(done: Judged) -> dict:
        return done.double.to_dict() | {"seconds": None}

    wrong = "def double(x):\n    return x * x\n"
    first = without_seconds(judge(wrong, jobs=1, use_cache=False))
    ways = [{"jobs": 8, "use_cache": False}, {}, {}, {"start": "spawn", "use_cache": False}]
    for options in ways:
        assert without_seconds(judge(wrong, **options)) == first


ODD = """
import os, sys

def dies_where_forked(request, channel):
    if "torch" in sys.modules:  # the server that workers are forked from has it
        os._exit(7)
    from kata import worker
    worker.main(request, channel)

def dies(request, channel):
    os._exit(7)
"""


@linux_only
def test_where_forked_workers_do_not_start_they_are_spawned(judge, tmp_path, monkeypatch):
    (tmp_path / "odd.py").write_text(ODD)
    monkeypatch.syspath_prepend(tmp_path)
    import odd

    monkeypatch.setattr(worker, "main", odd.dies_where_forked)
    assert judge("def double(x):\n    return 2 * x\n", use_cache=False).double.status == "passed"
    monkeypatch.setattr(worker, "main", odd.dies)
    with pytest.raises(job.CannotJudge, match="status 7"):
        judge("def double(x):\n    return 2 * x\n", use_cache=False)


def test_a_law_file_that_cannot_be_run_is_nobodys_verdict(judge, stubbed):
    laws = stubbed.read("tests/chap1_numbers/test_double.py")
    stubbed.write("tests/chap1_numbers/test_double.py", "import nowhere\n" + laws)
    with pytest.raises(job.CannotJudge, match="nowhere"):
        judge("def double(x):\n    return 2 * x\n")


@linux_only
def test_a_card_can_raise_the_limit_of_time(judge, stubbed, monkeypatch):
    monkeypatch.setattr(limits, "SECONDS", 0.5)
    slow = "import time\ntime.sleep(1)\ndef double(x):\n    return 2 * x\n"
    assert judge(slow).double.status == "timeout"
    card = stubbed.read("tests/chap1_numbers/double.toml")
    stubbed.write("tests/chap1_numbers/double.toml", "seconds = 30\n" + card)
    assert judge(slow).double.status == "passed"


def test_a_process_may_end_while_its_children_are_listed(monkeypatch):
    def vanished(folder, pattern):
        raise FileNotFoundError(folder)

    monkeypatch.setattr(limits, "HAS_CHILDREN_FILES", True)
    monkeypatch.setattr(limits.Path, "glob", vanished)
    assert limits.children(os.getpid()) == []


def test_what_has_not_changed_is_not_judged_again(judge, stubbed):
    verdicts = stubbed.root / ".kata/verdicts"
    judge("def double(x):\n    return 2 * x\n")
    first = {file: file.stat().st_mtime_ns for file in verdicts.iterdir()}
    judge("def double(x):\n    return 3 * x\n")
    now = {file: file.stat().st_mtime_ns for file in verdicts.iterdir()}
    assert len(first) == 2
    assert len(now) == 3  # one judged anew, the other neither judged nor written
    assert first.items() <= now.items()


def test_a_broken_cache_is_no_cache(judge, stubbed):
    right = "def double(x):\n    return 2 * x\n"
    assert judge(right).double.status == "passed"
    kept = list((stubbed.root / ".kata/verdicts").glob("*.json"))
    assert len(kept) == 2
    for file in kept:
        file.write_text('{"id": "double"')
    assert judge(right).double.status == "passed"


def test_old_verdicts_go_when_there_are_too_many(judge, stubbed, monkeypatch):
    monkeypatch.setattr("kata.cache.AT_MOST", 4)
    kept = stubbed.root / ".kata/verdicts"
    kept.mkdir(parents=True)
    for number in range(3):
        (kept / f"old-{number}.json").write_text("{}")
        os.utime(kept / f"old-{number}.json", (number, number))
    assert judge("def double(x):\n    return 2 * x\n").double.status == "passed"
    assert sorted(file.name for file in kept.iterdir() if file.name.startswith("old")) == []
    assert len(list(kept.iterdir())) == 2


@pytest.mark.usefixtures("impatient")
def test_a_bad_end_is_not_kept(judge, stubbed):
    judge("def double(x):\n    while True:\n        pass\n")
    judge("import os\ndef double(x):\n    os.abort()\n")
    assert len(list((stubbed.root / ".kata/verdicts").glob("*.json"))) == 1  # that of the other exercise


FORBIDDEN = """
[[forbidden]]
operators = ["*softmax*"]
laws = ["test_nothing_doubled*"]
instead = "Write it out."
"""


@pytest.mark.parametrize(
    "call",
    [
        "torch.softmax(t, 0)",
        "t.softmax(0)",
        "torch.nn.functional.softmax(t, 0)",
        "torch.nn.Softmax(0)(t)",
        "getattr(torch, 'soft' + 'max')(t, 0)",
        "torch.log_softmax(t, 0).exp()",
        "torch.ops.aten._softmax(t, 0, False)",
        "torch.special.softmax(t, 0)",
    ],
)
def test_what_must_be_written_by_hand_is_found_however_it_is_spelt(judge, stubbed, call):
    card = stubbed.read("tests/chap1_numbers/double.toml")
    stubbed.write("tests/chap1_numbers/double.toml", card + FORBIDDEN)
    start = "import torch\n\ndef double(x):\n    t = torch.ones(2)\n"
    done = judge(f"{start}    try:\n        {call}\n    except Exception:\n        pass\n    return 2 * x\n")
    assert laws(done) == ["passed", "failed"]  # only the law that the card names is concerned
    assert f"Line 6, `{call}`, runs PyTorch's own `" in done.double.laws[1].message
    assert "Write it out." in done.double.laws[1].message
    assert done.double.laws[1].place.endswith("double.py:6")


def test_a_forbidden_operator_that_only_the_law_runs_is_nobodys_fault(judge, stubbed):
    card = stubbed.read("tests/chap1_numbers/double.toml")
    stubbed.write("tests/chap1_numbers/double.toml", card + FORBIDDEN)
    text = stubbed.read("tests/chap1_numbers/test_double.py")
    text = text.replace(
        "    equal(submission.double(0)", "    torch.ones(2).softmax(0)\n    equal(submission.double(0)"
    )
    stubbed.write(
        "tests/chap1_numbers/test_double.py", text.replace("from hypothesis", "import torch\nfrom hypothesis", 1)
    )
    assert judge("def double(x):\n    return 2 * x\n").double.status == "passed"


def test_a_change_of_anything_that_matters_is_judged_anew(judge, stubbed):
    right = "def double(x):\n    return 2 * x\n"
    assert judge(right).double.status == "passed"
    laws = stubbed.read("tests/chap1_numbers/test_double.py")
    stubbed.write("tests/chap1_numbers/test_double.py", laws.replace("x + x", "x + x + 1"))
    assert judge(right).double.status == "failed"


def start_an_endless_judgement(stubbed) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    """A judge at work on a submission that never ends, and the processes below it."""
    begun = stubbed.root / "begun"
    stubbed.write("exercises/chap1_numbers/double.py", f"open({str(begun)!r}, 'w').close()\nwhile True:\n    pass\n")
    running = subprocess.Popen(
        [sys.executable, "-m", "kata", "grade", "--json", "verdict.json"],
        cwd=stubbed.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    while not begun.exists():
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.wait(0.05)
        assert running.returncode is None
    return running, psutil.Process(running.pid).children(recursive=True)


def assert_all_end(processes: list[psutil.Process]) -> None:
    psutil.wait_procs(processes, timeout=10)
    assert [process for process in processes if process.is_running() and process.status() != "zombie"] == []


@pytest.mark.skipif(os.name == "nt", reason="signals are sent otherwise")
@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_one_who_asks_to_stop_is_told_what_was_judged(stubbed, asked):
    running, below = start_an_endless_judgement(stubbed)
    os.kill(running.pid, asked)
    said = running.communicate(timeout=30)[0]
    assert running.returncode == 1
    assert "Interrupted" in said
    assert "Traceback" not in said
    assert_all_end(below)


@linux_only
def test_no_worker_outlives_a_judge_that_is_killed(stubbed):
    running, below = start_an_endless_judgement(stubbed)
    running.kill()
    running.communicate(timeout=30)
    assert_all_end(below)


def test_a_verdict_on_a_file_that_changed_meanwhile_is_not_kept(judge, stubbed):
    right = "def double(x):\n    return 2 * x\n"
    text = f"import pathlib\npathlib.Path(__file__).write_text({right!r})\n{right}"
    assert judge(text).double.status == "passed"
    kept = [json.loads(file.read_text()) for file in (stubbed.root / ".kata/verdicts").iterdir()]
    assert [verdict["id"] for verdict in kept] == ["quadruple"]
