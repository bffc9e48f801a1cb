"""Names the misconception that a submission behaves like, judged by nothing but what both do on the probe's calls."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

from kata.behaviours import Behaviours, Pair
from kata.cards import Variant
from kata.curriculum import Exercise
from kata.outcomes import Outcomes, differs, same


@dataclass(frozen=True)
class Diagnosis:
    """The misconceptions that a submission behaves like: one, or two at once."""

    slugs: tuple[str, ...]
    says: str


def diagnose(exercise: Exercise, observed: Outcomes, known: Behaviours) -> Diagnosis | None:
    """Which misconception, or which two, do exactly what was observed? None where none does, or more than one.

    Nothing that is observed is trusted to be what a probe finds.
    """
    if known.solution is None or not differs(observed, known.outcomes(known.solution)):
        return None
    names = twins(exercise)
    if found := known.matching(observed, known.misconceptions):
        alike = {names.get(slug, slug) for slug in found}
        return _diagnosis(exercise, alike.pop()) if len(alike) == 1 else None
    pairs = {frozenset(names.get(slug, slug) for slug in pair) for pair in known.matching(observed, known.pairs)}
    pair = sorted(pairs.pop()) if len(pairs) == 1 else []
    return _diagnosis(exercise, *pair) if len(pair) == 2 else None


def wants_pairs(observed: Outcomes, known: Behaviours) -> bool:
    """Whether pairs that have not been tried yet might do what was observed."""
    if known.solution is None or known.is_complete or len(observed) != len(known.calls):
        return False
    return differs(observed, known.outcomes(known.solution)) and not known.matching(observed, known.misconceptions)


def most_promising(exercise: Exercise, observed: Outcomes | None, known: Behaviours) -> list[Pair]:
    """The pairs not tried yet, first those of which one or the other explains the most calls that were observed."""
    rows = {slug: row for slug, row in known.misconceptions.items() if row is not None}
    pairs = [pair for pair in itertools.combinations(rows, 2) if pair not in known.pairs]
    if observed is None or known.solution is None:
        return pairs

    def right(row: list[int]) -> list[bool]:
        return [same(a, b) for a, b in zip(observed, known.outcomes(row), strict=True)]

    solution, explains = right(known.solution), {slug: right(row) for slug, row in rows.items()}

    def explained(pair: Pair) -> int:
        return sum(any(call) for call in zip(solution, *(explains[slug] for slug in pair), strict=True))

    return sorted(pairs, key=explained, reverse=True)


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


def twins(exercise: Exercise) -> dict[str, str]:
    """The name under which each misconception is known that no call tells from another."""
    return {variant.slug: variant.twin for variant in exercise.misconceptions if variant.twin}


def variant(exercise: Exercise, slug: str) -> Variant:
    """The misconception of this name."""
    return next(variant for variant in exercise.misconceptions if variant.slug == slug)


def _diagnosis(exercise: Exercise, *slugs: str) -> Diagnosis:
    reasons = [variant(exercise, slug).why for slug in slugs]
    if len(reasons) == 1:
        return Diagnosis(slugs, reasons[0])
    numbered = (f"{number}. {why}" for number, why in enumerate(reasons, 1))
    return Diagnosis(slugs, f"Two things at once. {' '.join(numbered)}")
