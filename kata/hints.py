"""Which hint comes next: what the learner's code is known to do wrong comes before what it might do wrong."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from kata.cards import Hint
from kata.verdict import ExerciseVerdict


@dataclass(frozen=True)
class Offer:
    """The hint to show, the `number`th of `total`; None where all have been seen."""

    hint: Hint | None
    number: int
    total: int


def choose(hints: Sequence[Hint], verdict: ExerciseVerdict, seen: Collection[str]) -> Offer:
    """The next hint that is not among those seen, by their questions.

    First come those about a misconception that the code behaves like, then those about the law that fails first, then
    the others; each group in the order of the card.
    """
    left = [hint for hint in hints if hint.question not in seen]
    slugs = _misconceptions(verdict)
    law = verdict.first_failed.id if verdict.first_failed else None
    left.sort(key=lambda hint: 0 if slugs.intersection(hint.misconceptions) else 1 if law in hint.laws else 2)
    return Offer(left[0] if left else None, len(hints) - len(left) + bool(left), len(hints))


def _misconceptions(verdict: ExerciseVerdict) -> set[str]:
    """The slugs of what the code behaves like: none, one, or two at once."""
    named = [law.misconception for law in verdict.laws if law.misconception]
    return {slug for names in named for slug in names.split(" + ")}
