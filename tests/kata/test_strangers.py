"""What a stranger's submission may not gain, and what it may not break.

Each is judged as a tree of its own, shut in, beside a right exercise that must keep its points. Afterwards nothing
outside of the judge's temporary folder may have changed, and no process may be left.
"""

import hashlib
import os
from pathlib import Path

import psutil
import pytest

from kata import confinement, curriculum, limits
from kata import judge as judge_module

pytestmark = pytest.mark.skipif(not confinement.version(), reason="this system has no Landlock to shut strangers in")

LAWS = '''"""The laws of doubling, for tensors."""

import torch
from hypothesis import given

from kata.laws import draw, verbs
from kata.laws.checks import same


@given(size=draw.sizes(rows=(2, 4), columns=(5, 7)), seed=draw.seeds)
def test_doubling_adds_a_tensor_to_itself(submission, size, seed):
    """Doubling adds a tensor to itself."""
    x = draw.normal(seed, size.rows, size.columns)
    expected = x + x
    same(verbs.call(submission.double, x), expected, ("row", "column"))


def test_float32_stays_float32(submission):
    """Float32 stays float32."""
    x = torch.tensor([1.0, 2.0, 3.0])
    expected = x + x
    same(verbs.call(submission.double, x), expected, ("place",))
'''

RIGHT = "def double(x):\n    return 2 * x\n"
WRONG = "import torch\n\ndef double(x):\n    return x * x - 1\n"


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder, by its digest, but for what the judge itself keeps."""
    files = [file for file in folder.rglob("*") if file.is_file() and ".kata" not in file.parts]
    return {
        str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files if "__pycache__" not in file.parts
    }


@pytest.fixture
def stranger(stubbed, tmp_path, monkeypatch):
    """Judges a text as a stranger's `double`; returns its verdict."""
    monkeypatch.setattr(limits, "SECONDS", 3.0)
    stubbed.write("tests/chap1_numbers/test_double.py", LAWS)
    # An exercise of its own, so that laws without a prerequisite stand beside.
    tree = tmp_path / "submitted" / "alice"
    (tree / "chap1_numbers").mkdir(parents=True)
    (tree / "chap1_numbers" / "quadruple.py").write_text("def quadruple(x):\n    return 4 * x\n")
    lessons = curriculum.load(stubbed.root)

    def judged(text: str | bytes | None, **options):
        if text is not None:
            data = text if isinstance(text, bytes) else text.encode()
            (tree / "chap1_numbers" / "double.py").write_bytes(data)
        before = contents(tmp_path)
        verdict = judge_module.judge(lessons, lessons.exercises, tree, "alice", "reference", **options)
        assert contents(tmp_path) == before
        assert "Landlock" in verdict.environment["confinement"]
        double, beside = verdict.exercises
        assert (beside.status, beside.points) == ("passed", 1)
        assert verdict.points == double.points + 1
        assert double.max_points == 2
        assert left_over() == []
        return double

    judged.tree = tree
    judged.project = stubbed
    return judged


def left_over() -> list[psutil.Process]:
    """Processes below this one that are neither the server that workers are forked from nor its helper."""
    servers = {child.pid for child in psutil.Process().children()}
    return [child for child in psutil.Process().children(recursive=True) if child.pid not in servers]


def test_a_right_submission_earns_its_points(stranger):
    double = stranger(RIGHT)
    assert (double.status, double.points) == ("passed", 2)


TRICKS = {
    "endless loop in import": "while True:\n    pass\n",
    "sleep": "import time\n\ndef double(x):\n    time.sleep(600)\n",
    "loop in __del__": (
        "class Slow:\n    def __del__(self):\n        while True:\n            pass\n\n"
        "def double(x):\n    Slow()\n    return x\n"
    ),
    "deep recursion": (
        "import sys\nsys.setrecursionlimit(10**9)\n\ndef double(x):\n    return double(x) if x is not None else None\n"
    ),
    "the parent is killed": "import os\n\ndef double(x):\n    os.kill(os.getppid(), 9)\n    return x\n",
    "a segfault": "import ctypes\n\ndef double(x):\n    ctypes.string_at(0)\n",
    "lists without end": (
        "def double(x):\n    kept = []\n    while True:\n        kept.append(list(range(100_000)))\n"
    ),
    "one huge tensor": "import torch\n\ndef double(x):\n    return torch.ones(1024, 1024, 1024)\n",
    "many processes": (
        "import os, time\n\ndef double(x):\n    for _ in range(100):\n        if os.fork() == 0:\n"
        "            time.sleep(600)\n            os._exit(0)\n    time.sleep(600)\n"
    ),
    "an exit handler that prints": (
        "import atexit\natexit.register(print, 'all laws passed')\n\ndef double(x):\n    return x\n"
    ),
    "a flood with control characters": (
        "import sys\n\ndef double(x):\n    while True:\n        sys.stdout.write('\\x1b[2J\\0' * 10_000)\n"
    ),
    "a tab error": "def double(x):\n\tif 1:\n        return x\n",
    "an import of the solution": "from solutions.chap1_numbers.double import double\n",
    "the solution, read": (
        "import kata\nexec((kata.ROOT / 'solutions/chap1_numbers/double.py').read_text(), globals())\n"
    ),
    "the solution, mapped by torch": (
        "import kata, torch\nfile = str(kata.ROOT / 'solutions/chap1_numbers/double.py')\n"
        "size = 100\nexec(bytes(torch.from_file(file, size=size, dtype=torch.uint8).tolist()).decode(), globals())\n"
    ),
    "an import of the law file": "from tests.chap1_numbers.test_double import *\n",
    "a forged verdict, printed": WRONG + 'print(\'{"end": {"status": "passed"}}\')\nprint(\'2 passed\')\n',
    "always equal": (
        "class Same:\n    def __eq__(self, other):\n        return True\n    def __getattr__(self, name):\n"
        "        return self\n    def __call__(self, *a, **k):\n        return self\n\n"
        "def double(x):\n    return Same()\n"
    ),
    "a tensor that agrees": (
        "import torch\n\nclass Yes(torch.Tensor):\n    @classmethod\n"
        "    def __torch_function__(cls, func, types, args=(), kwargs=None):\n        return torch.tensor(True)\n"
        "    def __eq__(self, other):\n        return torch.tensor(True)\n\n"
        "def double(x):\n    return (x * x - 1).as_subclass(Yes)\n"
    ),
    "NaN": "def double(x):\n    return x * float('nan')\n",
    "None": "def double(x):\n    return None\n",
    "a list": "def double(x):\n    return (2 * x).tolist()\n",
    "NumPy": "def double(x):\n    return (2 * x).numpy()\n",
    "the wrong dtype": "import torch\n\ndef double(x):\n    return (2 * x).to(torch.bfloat16)\n",
    "a shape that broadcasts": "def double(x):\n    return (2 * x).unsqueeze(0)\n",
    "its input overwritten": "def double(x):\n    return x.mul_(2)\n",
    "torch.allclose patched": WRONG + "torch.allclose = torch.equal = lambda *a, **k: True\n",
    "assert_close patched": WRONG + "import torch.testing\ntorch.testing.assert_close = lambda *a, **k: None\n",
    "Tensor.__eq__ patched": WRONG + "torch.Tensor.__eq__ = torch.Tensor.__ne__ = lambda a, b: torch.tensor(True)\n",
    "Tensor.__gt__ patched": WRONG + "torch.Tensor.__gt__ = lambda a, b: torch.zeros(a.shape, dtype=torch.bool)\n",
    "Tensor.__gt__ patched in the call": (
        "import torch\n\ndef double(x):\n"
        "    torch.Tensor.__gt__ = lambda a, b: torch.zeros(a.shape, dtype=torch.bool)\n    return x * x - 1\n"
    ),
    "builtins patched": WRONG
    + "import builtins\nbuiltins.bool = lambda *a: False\nbuiltins.isinstance = lambda *a: True\n",
    "time patched": WRONG + "import time\ntime.monotonic = time.time = time.perf_counter = lambda: 0.0\n",
    "pytest patched": WRONG + "import pytest\npytest.main = lambda *a, **k: 0\npytest.fail = lambda *a, **k: None\n",
    "hypothesis patched": (
        WRONG
        + "import hypothesis, hypothesis.core\nhypothesis.core.StateForActualGivenExecution = lambda *a, **k: None\n"
    ),
    "the judge's comparisons patched": (
        WRONG + "import kata.laws.checks as c\nc.same = c.broken = c.holds = c.tensor = lambda *a, **k: None\n"
    ),
    "a module replaced": WRONG
    + "import sys, types\nsys.modules['torch.testing'] = types.ModuleType('torch.testing')\n",
}


@pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS)
def test_a_trick_earns_nothing(stranger, trick):
    double = stranger(trick)
    assert double.points == 0, [law.message for law in double.laws]
    assert "passed" not in [law.status for law in double.laws]
    assert double.first_failed.message


def test_what_is_left_changed_harms_nobody(stranger):
    changes = (
        "import torch, random\ntorch.set_default_dtype(torch.float64)\ntorch.set_grad_enabled(False)\n"
        "torch.manual_seed(7)\nrandom.seed(7)\ntorch.set_num_threads(2)\ntorch.use_deterministic_algorithms(True)\n"
    )
    assert stranger(changes + RIGHT).points == 2


def test_a_link_to_the_solution_is_not_followed(stranger):
    file = stranger.tree / "chap1_numbers" / "double.py"
    file.symlink_to(stranger.project.root / "solutions/chap1_numbers/double.py")
    double = stranger(None)
    assert (double.status, double.points) == ("error", 0)
    assert "is a link to" in double.message


def test_a_pipe_is_not_waited_for(stranger):
    os.mkfifo(stranger.tree / "chap1_numbers" / "double.py")
    assert stranger(None).status == "missing"


def test_a_huge_file_is_not_read(stranger):
    double = stranger(b"# nothing\n" * 5_000_000)
    assert (double.status, double.points) == ("error", 0)
    assert "50,000,000 bytes" in double.message


def test_files_beside_change_nothing(stranger):
    for name in ("conftest.py", "sitecustomize.py", "usercustomize.py", "torch.py", "hypothesis.py", "test_double.py"):
        for folder in (stranger.tree, stranger.tree / "chap1_numbers"):
            (folder / name).write_text("import os\nprint('here I am')\nos._exit(0)\n")
    (stranger.tree / "pytest.ini").write_text("[pytest]\naddopts = --collect-only\n")
    assert stranger(WRONG).points == 0
    double = stranger(RIGHT)
    assert (double.points, double.output) == (2, "")


def test_nothing_outside_can_be_written(stranger):
    root = stranger.project.root
    stranger.project.write(".kata/verdicts/0.json", "{}")
    targets = [
        root / "tests/chap1_numbers/test_double.py",
        root / "tests/chap1_numbers/test_quadruple.py",
        root / "kata/judge.py",
        root / "verdict.json",
        root / ".kata/verdicts/0.json",
        stranger.tree / "chap1_numbers/quadruple.py",
        Path("/dev/shm/kata-was-here"),
        Path.home() / "kata-was-here",
    ]
    text = (
        f"import pathlib\nfor path in {[str(path) for path in targets]}:\n    try:\n"
        "        pathlib.Path(path).write_text('')\n    except PermissionError:\n        print('refused')\n" + RIGHT
    )
    double = stranger(text)
    assert double.points == 2
    assert double.output.count("refused") == len(targets)
    assert stranger.project.read(".kata/verdicts/0.json") == "{}"
    assert not Path("/dev/shm/kata-was-here").exists()


@pytest.mark.skipif(confinement.version() < 4, reason="this Landlock does not know of TCP")
def test_there_is_no_network(stranger):
    text = (
        "import socket\nwith socket.socket() as s:\n    try:\n        s.connect(('127.0.0.1', 9))\n"
        "    except PermissionError:\n        print('refused')\n" + RIGHT
    )
    double = stranger(text)
    assert (double.points, double.output) == (2, "refused\n")


def test_a_folder_of_its_own_can_be_written(stranger):
    text = "import pathlib, tempfile\npathlib.Path('notes.txt').write_text('x')\ntempfile.NamedTemporaryFile()\n"
    assert stranger(text + RIGHT).points == 2


def test_the_verdict_is_kept_and_given_again(stranger):
    first = stranger(WRONG)
    again = stranger(WRONG)
    assert again.to_dict() == first.to_dict()


SAME_PROCESS = "the submission and the laws share a process: what the one can see, the other can use"


@pytest.mark.xfail(strict=True, reason=SAME_PROCESS)
def test_the_callers_expected_value_is_out_of_reach(stranger):
    text = (
        "import sys\n\ndef double(x):\n    frame = sys._getframe()\n    while 'expected' not in frame.f_locals:\n"
        "        frame = frame.f_back\n    return frame.f_locals['expected'].clone()\n"
    )
    assert stranger(text).points == 0


@pytest.mark.xfail(strict=True, reason=SAME_PROCESS)
def test_the_judges_own_channel_is_out_of_reach(stranger):
    text = (
        "import gc, os\nfrom kata.worker import Reporter\n"
        "reporter = next(o for o in gc.get_objects() if isinstance(o, Reporter))\n"
        "for id in ('test_doubling_adds_a_tensor_to_itself', 'test_float32_stays_float32'):\n"
        "    law = dict(id=id, status='passed', message=None, counterexample=None, place=None, unwritten=False)\n"
        "    reporter._send(end=law, printed=0)\n"
        "reporter._send(done=dict(status='passed', message=None))\nos._exit(0)\n"
    )
    assert stranger(text).points == 0


def test_half_a_message_is_not_waited_for(stranger):
    text = (
        "import gc, os\nfrom kata.worker import Reporter\n"
        "reporter = next(o for o in gc.get_objects() if isinstance(o, Reporter))\n"
        "os.write(reporter.channel.fileno(), b'\\0\\0\\0\\x50{')\nwhile True:\n    pass\n"
    )
    double = stranger(text)
    assert (double.status, double.points) == ("timeout", 0)


def test_nonsense_in_the_channel_earns_nothing(stranger):
    text = (
        "import gc\nfrom kata.worker import Reporter\n"
        "reporter = next(o for o in gc.get_objects() if isinstance(o, Reporter))\n"
        "for event in ({'end': 3, 'printed': 'x'}, {'end': {'id': 'no'}, 'printed': 0}, {'begin': 'no'}, {'no': 1}):\n"
        "    reporter._send(**event)\n" + WRONG
    )
    assert stranger(text).points == 0


def test_a_stranger_that_cannot_be_shut_in_is_not_believed_later(stranger, monkeypatch):
    monkeypatch.setattr(confinement, "version", lambda: 0)
    lessons = curriculum.load(stranger.project.root)
    (stranger.tree / "chap1_numbers" / "double.py").write_text(RIGHT)
    verdict = judge_module.judge(lessons, lessons.exercises, stranger.tree, "alice", "reference")
    assert verdict.environment["confinement"] == "none: this system has no Landlock"
    assert verdict.points == 3
    assert not list((stranger.project.root / ".kata").glob("verdicts/*"))
