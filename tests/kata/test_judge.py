"""Whatever a submission does, the judge finishes, says what happened, and every other exercise keeps its points."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass

import psutil
import pytest

from kata.verdict import ExerciseVerdict

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the system has no such limit")


@dataclass
class Judged:
    """What the judge said of `double`, and of `quadruple` beside it."""

    status: int
    screen: str
    double: ExerciseVerdict
    beside: ExerciseVerdict


@pytest.fixture
def judge(stubbed):
    """Judges a text as `double`, with a right `quadruple` beside it, which must keep its point whatever happens."""
    stubbed.write("exercises/chap1_numbers/quadruple.py", stubbed.read("solutions/chap1_numbers/quadruple.py"))

    def judged(text: str, *options: str, expect_beside: str = "passed") -> Judged:
        stubbed.write("exercises/chap1_numbers/double.py", text)
        done = stubbed.kata("grade", "--json", "verdict.json", *options)
        assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
        verdict = json.loads(stubbed.read("verdict.json"))
        double, beside = map(ExerciseVerdict.from_dict, verdict["exercises"])
        assert beside.status == expect_beside
        assert verdict["points"] == double.points + beside.points
        return Judged(done.returncode, done.stdout + done.stderr, double, beside)

    return judged


# The limit of time is 20 s; the tests of it shorten it through the judge's own module.
@pytest.fixture
def impatient(stubbed):
    limits = stubbed.read("kata/limits.py")
    stubbed.write("kata/limits.py", limits.replace("SECONDS = 20.0", "SECONDS = 3.0"))


def laws(judged: Judged) -> list[str]:
    return [law.status for law in judged.double.laws]


def test_a_right_submission_passes(judge):
    done = judge("def double(x):\n    return 2 * x\n")
    assert (done.status, done.double.status, laws(done)) == (0, "passed", ["passed", "passed"])


@pytest.mark.usefixtures("impatient")
def test_an_endless_loop_costs_its_law_only(judge):
    done = judge("def double(x):\n    while x > 1:\n        pass\n    return 2 * x\n")
    assert done.double.status == "timeout"
    assert laws(done) == ["failed", "passed"]
    assert "did not end within 3 seconds" in done.double.laws[0].message


@pytest.mark.usefixtures("impatient")
def test_a_loop_that_swallows_every_exception_is_ended(judge):
    loop = "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass\n"
    setting = "import signal\nfor s in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):\n    signal.signal(s, signal.SIG_IGN)\n"
    done = judge(setting + loop)
    assert done.double.status == "timeout"
    assert laws(done) == ["failed", "failed"]


@pytest.mark.usefixtures("impatient")
def test_a_thread_that_never_ends_is_not_waited_for(judge):
    text = "import threading\nthreading.Thread(target=threading.Event().wait).start()\ndef double(x):\n    return 2 * x\n"
    assert judge(text).double.status == "passed"


@pytest.mark.parametrize("way", ["os._exit(0)", "os._exit(3)", "os.kill(os.getpid(), 11)", "os.abort()"])
def test_a_process_that_ends_earns_nothing_by_silence(judge, way):
    done = judge(f"import os\ndef double(x):\n    {way}\n")
    assert done.double.status == "crashed"
    assert laws(done) == ["failed", "failed"]
    assert done.double.points == 0


def test_a_crash_is_named(judge):
    done = judge("import os\ndef double(x):\n    os.abort()\n")
    assert "SIGABRT" in done.double.laws[0].message
    assert "exit status 3" in judge("import os\ndef double(x):\n    os._exit(3)\n").double.laws[0].message


def test_the_laws_before_and_after_a_crash_keep_their_verdict(judge):
    done = judge("import os\ndef double(x):\n    if x == 0: os._exit(0)\n    return 2 * x\n")
    # The first law draws 0 too, so it is the second, which asks for 0 alone, that the fresh worker meets.
    assert laws(done) == ["failed", "failed"]
    done = judge("import os\ncalls = []\ndef double(x):\n    calls.append(x)\n    if len(calls) == 3: os._exit(0)\n    return 2 * x\n")
    assert laws(done) == ["failed", "passed"]
    assert done.double.status == "crashed"


@pytest.mark.parametrize("way", ["raise SystemExit", "raise KeyboardInterrupt", "exit(0)", "import pytest; pytest.exit('ha')"])
@pytest.mark.parametrize("place", ["import", "call"])
def test_leaving_by_an_exception_is_no_way_out(judge, way, place):
    text = f"{way}\n" if place == "import" else f"def double(x):\n    {way}\n"
    done = judge(text)
    assert done.status == 1
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
    text = "import threading\ndef double(x):\n    for i in range(200): threading.Thread(target=threading.Event().wait).start()\n    threading.Event().wait()\n"
    done = judge(text)
    assert done.double.status == "memory" or "more than 64 processes and threads" in done.double.laws[0].message
    assert "passed" not in laws(done)


@linux_only
@pytest.mark.parametrize("way", ["plain", "new session", "double fork"])
def test_no_process_outlives_its_verdict(judge, stubbed, way):
    leave = {
        "plain": "",
        "new session": "os.setsid()",
        "double fork": "os.setsid()\n        if os.fork(): os._exit(0)",
    }[way]
    text = f"import os, time\ndef double(x):\n    if os.fork() == 0:\n        {leave or 'pass'}\n        time.sleep(600)\n    return 2 * x\n"
    # One call of each law: every example would fork.
    judge(text)
    marks = [p for p in psutil.process_iter(["cwd", "cmdline"]) if p.info["cwd"] == str(stubbed.root)]
    assert [p.info["cmdline"] for p in marks] == []


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
def test_files_that_are_no_python_are_errors_of_their_own(judge, stubbed, data):
    judge("")
    (stubbed.root / "exercises/chap1_numbers/double.py").write_bytes(data)
    done = stubbed.kata("grade", "--json", "verdict.json")
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    verdict = json.loads(stubbed.read("verdict.json"))
    assert [e["points"] for e in verdict["exercises"]] == [0, 1]


def test_a_folder_where_the_file_should_be_is_missing(judge, stubbed):
    judge("")
    (stubbed.root / "exercises/chap1_numbers/double.py").unlink()
    (stubbed.root / "exercises/chap1_numbers/double.py").mkdir()
    done = stubbed.kata("grade", "--json", "verdict.json")
    assert json.loads(stubbed.read("verdict.json"))["exercises"][0]["status"] == "missing"
    assert done.returncode == 1


def test_what_one_exercise_leaves_behind_does_not_reach_the_next(judge):
    text = (
        "import os, sys, torch, builtins\nos.chdir('/')\nsys.path.clear()\ntorch.set_default_dtype(torch.float64)\n"
        "torch.set_grad_enabled(False)\nbuiltins.len = None\nsys.stdout.close()\ndef double(x):\n    return 2 * x\n"
    )
    judge(text)


def test_verdicts_do_not_depend_on_jobs_or_cache(judge, stubbed):
    judge("def double(x):\n    return x * x\n", "--no-cache", "--jobs", "1")
    first = stubbed.read("verdict.json")
    for options in (["--jobs", "8", "--no-cache"], [], []):
        judge("def double(x):\n    return x * x\n", *options)
        strip = lambda text: [  # noqa: E731
            {key: value for key, value in exercise.items() if key != "seconds"}
            for exercise in json.loads(text)["exercises"]
        ]
        assert strip(stubbed.read("verdict.json")) == strip(first)


def test_a_change_of_anything_that_matters_is_judged_anew(judge, stubbed):
    right = "def double(x):\n    return 2 * x\n"
    assert judge(right).double.status == "passed"
    laws = stubbed.read("tests/chap1_numbers/test_double.py")
    stubbed.write("tests/chap1_numbers/test_double.py", laws.replace("x + x", "x + x + 1"))
    assert judge(right).double.status == "failed"


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent otherwise")
def test_ctrl_c_ends_all_workers_and_says_what_was_judged(stubbed):
    import signal

    stubbed.write("exercises/chap1_numbers/double.py", "while True:\n    pass\n")
    running = subprocess.Popen(
        [sys.executable, "-m", "kata", "grade", "--json", "verdict.json"],
        cwd=stubbed.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    workers: list[psutil.Process] = []
    while len(workers) < 3:  # the server, its tracker, a worker
        assert running.poll() is None
        workers = psutil.Process(running.pid).children(recursive=True)
        time.sleep(0.01)
    os.kill(running.pid, signal.SIGINT)
    said = running.communicate(timeout=30)[0]
    assert running.returncode == 1
    assert "Interrupted" in said
    assert "Traceback" not in said
    psutil.wait_procs(workers, timeout=10)
    assert [worker for worker in workers if worker.is_running()] == []
