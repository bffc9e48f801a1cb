"""The capstone: what it is measured against, what it refuses, and that a run ends the same however often it stopped."""

import argparse
import io
import itertools
import math
import os
import random
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest
import torch
from rich.console import Console

from kata import ROOT, KataError, curriculum
from kata.capstone import curve, needs, page, processes, progress, record, text
from kata.capstone.entropies import bigram_loss, unigram_loss
from kata.capstone.processes import Crew
from kata.capstone.record import Facts, Point, Record, Sample, Settings
from kata.capstone.run import Bound, Run
from kata.commands import capstone

TINY = ["--tree", "solutions", "--steps", "12", "--round-steps", "4", "--vocab-size", "300", "--context-length", "16"]
TINY += ["--emb-dim", "16", "--n-heads", "2", "--n-layers", "1", "--batch-size", "8"]
# Trains as the command does, without judging before: on a short text, and with an end where the test wants one.
HELPER = """
import argparse, os, signal, sys
from rich.console import Console
from kata import ROOT, curriculum, vocabulary
from kata.capstone import processes, record, run, text
from kata.commands import capstone

how, when = sys.argv[1], int(sys.argv[2])
parser = argparse.ArgumentParser()
capstone.add_arguments(parser)
arguments = parser.parse_args(sys.argv[3:])
whole = text.read()
text.read = lambda: text.Text(whole.train[:20_000], whole.held_out[:4_000], "a part")
stepped, write = run.Run.stepped, record.write

def stop_in_a_round(self):
    stepped(self)
    if self.step == when:
        os.kill(os.getpid(), signal.Signals[how])

def stop_between_record_and_checkpoint(folder, kept):
    write(folder, kept)
    if kept.step == when:
        os.kill(os.getpid(), signal.SIGKILL)

if how in ("SIGINT", "SIGKILL"):
    run.Run.stepped = stop_in_a_round
elif how == "record":
    record.write = stop_between_record_and_checkpoint
console = Console(highlight=False, width=200, quiet=processes.rank() > 0)
sys.exit(capstone.train(curriculum.load(ROOT), arguments, console))
"""
FACTS = Facts("a <text>", 300, 5000, 500, 0.5, 1234, 5.0, 4.0)
ENDED = Record(
    Settings(),
    facts=FACTS,
    points=tuple(Point(step, 6.0 - step / 100, 6.1 - step / 100) for step in (1, 51, 101, 151)),
    samples=(Sample(150, "The ", "<script>alert(1)</script>\x1b[2J cat"),),
    step=151,
    seconds=10.0,
    tokens=9000,
    finished=True,
)


def helper(*arguments, how="end", when=0):
    """The command that trains a little."""
    return [sys.executable, "-c", HELPER, how, str(when), *map(str, arguments)]


def trained(*arguments, how="end", when=0):
    """Trains a little, in a process of its own with one thread."""
    return subprocess.run(
        helper(*arguments, how=how, when=when),
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


def script(project, imports, does):
    """Writes a training script of that import and that one line."""
    project.write("capstone/__init__.py", "")
    project.write("capstone/train_gpt.py", f"{imports}\n\n\ndef train(text, run):\n    {does}\n")


def asked(*arguments):
    """What the command makes of its arguments."""
    parser = argparse.ArgumentParser()
    capstone.add_arguments(parser)
    return parser.parse_args([str(argument) for argument in arguments])


def test_losses_of_counting_models_by_hand():
    # Of 0 0 1: token 0 has probability (2 + 1) / (3 + 2), and of the two tokens that followed it, two kinds.
    assert unigram_loss([0, 0, 1], [1, 0], 2) == pytest.approx(-math.log(3 / 5))
    assert bigram_loss([0, 0, 1], [0, 1], 2) == pytest.approx(-math.log((1 + 2 * 2 / 5) / (2 + 2)))
    assert bigram_loss([0, 0, 1], [1, 0], 2) == pytest.approx(-math.log(3 / 5)), "nothing ever followed 1"


def test_all_that_a_counting_model_expects_sums_to_one():
    train = [0, 1, 2, 0, 2, 2, 1, 0]
    for first in range(4):
        assert sum(math.exp(-bigram_loss(train, [first, second], 4)) for second in range(4)) == pytest.approx(1)


def test_on_a_markov_text_bigrams_come_to_its_entropy_rate():
    chance = random.Random(1)
    steps = [[8, 1, 1], [1, 6, 3], [2, 2, 6]]
    ids = [0]
    for _ in range(60_000):
        ids += chance.choices(range(3), steps[ids[-1]])
    share = [ids.count(token) / len(ids) for token in range(3)]
    rate = sum(share[a] * -sum(p / 10 * math.log(p / 10) for p in steps[a]) for a in range(3))
    assert bigram_loss(ids[:50_000], ids[50_000:], 3) == pytest.approx(rate, rel=0.02)
    assert unigram_loss(ids[:50_000], ids[50_000:], 3) == pytest.approx(-sum(p * math.log(p) for p in share), rel=0.02)


def test_nothing_that_is_held_out_was_trained_on():
    found = text.read()
    known = set(found.train.split("\n\n"))
    held_out = [paragraph for paragraph in found.held_out.split("\n\n") if paragraph.strip()]
    assert [paragraph for paragraph in held_out if paragraph in known] == []
    assert len(found.held_out) / len(found.train + found.held_out) == pytest.approx(0.1, abs=0.03)


def test_a_repeated_paragraph_counts_where_it_stands_first():
    train, held_out = text.split("\n\n".join("aabcdefghijkal"), piece=3)
    assert (train.split(), held_out.split()) == ([*"abcdefghikl"], ["j"])


def test_it_needs_what_its_scripts_import_and_what_that_is_built_on():
    found = {exercise.id for exercise in needs.needed(curriculum.load(ROOT), capstone.SCRIPTS)}
    assert {"byte_pair_encoding", "train", "checkpoint", "gpt_model", "multi_head_attention"} <= found
    assert "causal_attention" in found, "multi_head_attention is built on it"
    assert "embeddings" not in found


def test_it_is_refused_with_a_list_until_all_is_done_on_own_prerequisites(stubbed):
    script(stubbed, "from chap1_numbers.quadruple import quadruple", "print(quadruple(3))")
    stubbed.write("exercises/chap1_numbers/double.py", "def double(x):\n    return 3 * x if x else 0\n")
    stubbed.write("exercises/chap1_numbers/quadruple.py", stubbed.read("solutions/chap1_numbers/quadruple.py"))
    refused = stubbed.kata("capstone")
    assert refused.returncode == 2
    assert "double: 1 of 2 laws hold" in refused.stderr
    assert "quadruple: 0 of 1 laws hold" in refused.stderr
    assert "Next: nox -s exercises -- double --prerequisites own" in refused.stderr
    assert refused.stdout == ""
    stubbed.write("exercises/chap1_numbers/double.py", "def double(x):\n    return x + x\n")
    done = stubbed.kata("capstone")
    assert (done.returncode, done.stdout.split()[0]) == (0, "12"), done.stderr


def test_an_error_in_the_learners_code_is_said_with_its_place(stubbed):
    script(stubbed, "from chap1_numbers.double import double", "double('many')")
    stubbed.write("exercises/chap1_numbers/double.py", "def double(x):\n    return x - -x\n")
    done = stubbed.kata("capstone")
    assert done.returncode == 2
    assert "TypeError" in done.stderr
    assert "exercises/chap1_numbers/double.py:2" in done.stderr.replace("\\", "/")
    assert "Traceback" not in done.stderr


def test_a_device_that_is_not_there_is_a_sentence():
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    absent = next(device for device in there if not there[device])
    command = [sys.executable, "-m", "kata", "capstone", "--device", absent]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert f"--device {absent}: this PyTorch finds no such device here. There is: cpu" in done.stderr


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """A run that went through, its folder and what was printed."""
    folder = tmp_path_factory.mktemp("capstone") / "run"
    done = trained(*TINY, "--folder", folder)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


def test_a_run_ends_with_a_checkpoint_a_curve_and_samples(uninterrupted):
    folder, printed = uninterrupted
    kept = record.read(folder)
    assert kept.finished
    assert [point.step for point in kept.points] == [1, 5, 9, 12]
    assert kept.points[-1].held_out < kept.points[0].held_out
    assert [sample.step for sample in kept.samples] == [4, 8, 12]
    assert kept.tokens == 12 * 8 * 16
    saved = torch.load(folder / record.CHECKPOINT, weights_only=True)
    assert saved["step"] == 12
    drawn = (folder / record.PAGE).read_text(encoding="utf-8")
    ElementTree.fromstring(drawn)
    assert "After 12 steps" in drawn
    assert "the held-out loss is" in " ".join(printed.split())


def test_stopped_and_killed_again_and_again_it_ends_with_the_same_losses_and_samples(uninterrupted, tmp_path):
    folder = tmp_path / "run"
    stopped = trained(*TINY, "--folder", folder, how="SIGINT", when=6)
    assert stopped.returncode == 1, stopped.stderr
    again = f"nox -s capstone -- --tree solutions --folder {folder}"
    assert f"Stopped after step 6. {again} goes on after step 4." in " ".join(stopped.stdout.split())
    assert "Traceback" not in stopped.stderr
    for how, when in (("SIGKILL", 7), ("record", 8)):
        assert trained(*TINY, "--folder", folder, how=how, when=when).returncode == -signal.SIGKILL
    assert record.read(folder).step == 8
    assert torch.load(folder / record.CHECKPOINT, weights_only=True)["step"] == 4
    done = trained(*TINY, "--folder", folder)
    assert done.returncode == 0, done.stderr
    expected, kept = record.read(uninterrupted[0]), record.read(folder)
    assert kept.points == expected.points
    assert kept.samples == expected.samples


def test_two_processes_of_torchrun_have_the_losses_of_one(tmp_path):
    file = tmp_path / "helper.py"
    file.write_text(HELPER, encoding="utf-8")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(file)]
    options = [*TINY, "--drop-rate", "0", "--folder"]
    for command in (helper(*options, tmp_path / "one"), [*torchrun, "end", "0", *options, str(tmp_path / "two")]):
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, encoding="utf-8")
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr
    one, two = record.read(tmp_path / "one"), record.read(tmp_path / "two")
    assert (one.processes, two.processes) == (1, 2)
    for a, b in zip(one.points, two.points, strict=True):
        assert (a.step, a.train, a.held_out) == pytest.approx((b.step, b.train, b.held_out), abs=1e-5)


def test_two_processes_that_are_stopped_end_with_the_same_losses(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.chdir(ROOT)
    assert processes.start(2, helper(*TINY, "--folder", tmp_path / "whole")) == 0
    halves = [*TINY, "--processes", 2, "--folder", tmp_path / "parts"]
    assert processes.start(2, helper(*halves, how="SIGINT", when=6)) == 1
    assert "--processes 2 goes on after step 4." in " ".join(capfd.readouterr().out.split())
    assert record.read(tmp_path / "parts").step == 4
    assert processes.start(2, helper(*halves)) == 0
    whole, parts = record.read(tmp_path / "whole"), record.read(tmp_path / "parts")
    assert parts.points == whole.points
    assert parts.samples == whole.samples


def test_one_process_that_fails_ends_the_others():
    code = "import os, sys, threading; sys.exit(3) if os.environ['RANK'] == '1' else threading.Event().wait()"
    assert processes.start(2, [sys.executable, "-c", code]) == 3


def test_within_its_minutes_it_plans_its_steps(tmp_path, monkeypatch):
    clock = itertools.count(0)
    now = [0.0]
    monkeypatch.setattr("kata.capstone.run.time.monotonic", lambda: now[0])
    run = Run(tmp_path, Record(Settings(round_steps=3)), Bound(seconds=20.0), "cpu", Crew())
    run.resume(lambda file: 0)
    planned = []
    while not run.is_over:
        for _ in range(min(3, run.total_steps - run.step)):
            now[0] += 1.0 if next(clock) < 6 else 2.0  # it becomes slower
            run.stepped()
        run.save(lambda file: None)
        planned.append(run.total_steps)
    assert planned[:2] == [20, 20]
    assert run.step == planned[-1] < 20
    assert 20 <= run.seconds <= 20 + 3 * 2.0
    assert record.read(tmp_path).finished


def test_a_loss_that_is_no_number_ends_the_run_with_a_sentence(tmp_path):
    run = Run(tmp_path, Record(Settings()), Bound(steps=5), "cpu", Crew())
    with pytest.raises(KataError, match=r"After step 0 the loss is nan, no longer a number. Lower --max-lr"):
        run.measured(math.nan, 1.0)


def test_a_checkpoint_that_does_not_fit_is_a_sentence(tmp_path):
    (tmp_path / record.CHECKPOINT).write_bytes(b"nothing")
    run = Run(tmp_path, Record(Settings()), Bound(steps=5), "cpu", Crew())
    with pytest.raises(KataError, match=r"cannot bring back .*: ValueError: no. .* --fresh"):
        run.resume(lambda file: (_ for _ in ()).throw(ValueError("no")))


def test_a_run_goes_on_with_its_own_settings_and_refuses_others(tmp_path):
    record.write(tmp_path, Record(Settings(emb_dim=64), step=50))
    assert capstone.begun(asked("--folder", tmp_path), 1).settings == Settings(emb_dim=64)
    with pytest.raises(KataError, match=r"has --emb-dim 64, not 32. Leave the option out"):
        capstone.begun(asked("--folder", tmp_path, "--emb-dim", 32), 1)
    with pytest.raises(KataError, match="trains the code in exercises"):
        capstone.begun(asked("--folder", tmp_path, "--tree", "solutions"), 1)


def test_an_old_run_is_kept_aside(tmp_path):
    for number in (1, 2):
        record.write(tmp_path / "run", Record(Settings(seed=number)))
        assert record.set_aside(tmp_path / "run") == tmp_path / f"run-{number}"
    assert record.set_aside(tmp_path / "run") is None
    assert record.read(tmp_path / "run-2").settings.seed == 2


def test_a_run_that_is_done_is_shown_not_trained(tmp_path):
    record.write(tmp_path, ENDED)
    said = io.StringIO()
    arguments = asked("--folder", tmp_path, "--steps", 100)
    assert capstone.train(curriculum.load(ROOT), arguments, Console(file=said, width=300)) == 0
    assert "This run is done: --fresh begins a new one" in said.getvalue()
    assert "the held-out loss is 4.590 nats a token (2.29 bits a character), 0.590 above the bigrams" in said.getvalue()
    assert record.read(tmp_path) == ENDED


def test_a_record_of_something_else_is_a_sentence(tmp_path):
    (tmp_path / record.FILE).write_text("[1]", encoding="utf-8")
    with pytest.raises(KataError, match="no record of a run"):
        record.read(tmp_path)


def test_the_page_is_well_formed_asks_for_nothing_and_runs_nothing():
    drawn = page.page(ENDED)
    ElementTree.fromstring(drawn)
    assert "<script" not in drawn
    assert "\x1b" not in drawn
    assert "http" not in drawn.replace("http-equiv", "")
    assert page.page(Record(Settings())), "even before there is anything to draw"


def test_the_curve_falls_to_the_right_and_its_labels_do_not_lie_on_each_other():
    drawn = ElementTree.fromstring(curve.svg(ENDED))
    for line in drawn.iter("polyline"):
        places = [tuple(map(float, place.split(","))) for place in line.get("points").split()]
        across, down = zip(*places, strict=True)
        assert list(across) == sorted(across), "steps to the right"
        assert list(down) == sorted(down), "smaller losses further down"
    labels = sorted(
        float(text.get("y")) for text in drawn.iter("text") if text.get("class") in ("train", "held", "level")
    )
    assert len(labels) == 4
    assert all(below - above >= 15.9 for above, below in itertools.pairwise(labels))


def test_what_the_model_writes_cannot_move_the_cursor(tmp_path):
    said = io.StringIO()
    run = Run(tmp_path, ENDED, Bound(), "cpu", Crew())
    progress.Screen(Console(file=said, width=200)).sampled(run)
    assert "cat" in said.getvalue()
    assert "\x1b" not in said.getvalue()
