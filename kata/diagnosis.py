"""Names the misconception that a submission behaves like, judged by nothing but what both do on the probe's calls."""

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kata.cards import Variant
from kata.curriculum import Curriculum, Exercise
from kata.laws import probes
from kata.laws.probes import Outcome
from kata.patches import VariantError, patched
from kata.reference import Reference

SECONDS_FOR_PAIRS = 1.0

Outcomes = Sequence[Outcome]


@dataclass(frozen=True)
class Diagnosis:
    """The misconceptions that a submission behaves like: one, or two at once."""

    slugs: tuple[str, ...]
    says: str


def diagnose(curriculum: Curriculum, exercise: Exercise, observed: Outcomes) -> Diagnosis | None:
    """Which misconception does exactly what was observed of a submission? None where no single one does."""
    with Reference(curriculum, exercise) as reference:
        expected = reference.outcomes(reference.source)
        if expected is None or not differs(observed, expected):
            return None
        singles = {}
        for variant in exercise.misconceptions:
            if (outcomes := reference.outcomes(patched(exercise, variant, reference.source))) is not None:
                singles[variant.slug] = outcomes
        slug = identify(observed, expected, singles, twins(exercise))
        if slug is not None:
            return Diagnosis((slug,), _variant(exercise, slug).why)
        pair = _pair(exercise, reference, observed, expected, singles)
    if pair is None:
        return None
    return Diagnosis(pair, "Two things at once. " + " ".join(_variant(exercise, slug).why for slug in pair))


def identify(
    observed: Outcomes, expected: Outcomes, outcomes: Mapping[str, Outcomes], twins: Mapping[str, str]
) -> str | None:
    """The one whose outcomes are those observed; None for none, for more than one, or for those of the solution.

    Calls of what is not written yet tell nothing and are left out. Twins count as one, whose name is returned.
    """
    if not differs(observed, expected):
        return None
    alike = {twins.get(slug, slug) for slug, found in outcomes.items() if not differs(observed, found)}
    return alike.pop() if len(alike) == 1 else None


def differs(observed: Outcomes, others: Outcomes) -> bool:
    """Whether a submission does something else in any call that it has written code for."""
    if len(observed) != len(others):
        return True
    return any(a != probes.UNWRITTEN and not probes.same(a, b) for a, b in zip(observed, others, strict=True))


def twins(exercise: Exercise) -> dict[str, str]:
    """The name under which each misconception is known that no call tells from another."""
    return {variant.slug: variant.twin for variant in exercise.misconceptions if variant.twin}


def _pair(
    exercise: Exercise,
    reference: Reference,
    observed: Outcomes,
    expected: Outcomes,
    singles: Mapping[str, Outcomes],
) -> tuple[str, str] | None:
    """The two whose patches together do what was observed, if they can be found in time, and nothing else does it."""
    until = time.monotonic() + SECONDS_FOR_PAIRS
    found: set[tuple[str, str]] = set()
    names = twins(exercise)
    for a, b in _most_promising(observed, expected, singles):
        if time.monotonic() > until:
            break
        for first, second in ((a, b), (b, a)):
            try:
                source = patched(exercise, _variant(exercise, first), reference.source)
                source = patched(exercise, _variant(exercise, second), source)
            except VariantError:
                continue
            outcomes = reference.outcomes(source)
            if outcomes is not None and not differs(observed, outcomes):
                one, other = sorted((names.get(a, a), names.get(b, b)))
                found.add((one, other))
            break
    return found.pop() if len(found) == 1 else None


def _most_promising(
    observed: Outcomes, expected: Outcomes, singles: Mapping[str, Outcomes]
) -> Iterator[tuple[str, str]]:
    """Pairs of misconceptions, first those of which one or the other explains the most calls."""
    right = [probes.same(a, b) for a, b in zip(observed, expected, strict=True)]
    explains = {
        slug: [probes.same(a, b) for a, b in zip(observed, found, strict=True)]
        for slug, found in singles.items()
        if len(found) == len(observed)
    }

    def explained(pair: tuple[str, str]) -> int:
        return sum(any(call) for call in zip(right, *(explains[slug] for slug in pair), strict=True))

    pairs = list(itertools.combinations(explains, 2))
    return iter(sorted(pairs, key=explained, reverse=True))


def _variant(exercise: Exercise, slug: str) -> Variant:
    return next(variant for variant in exercise.misconceptions if variant.slug == slug)
