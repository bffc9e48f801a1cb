"""Which hint comes next: what the learner's code is known to do wrong comes before what it might do wrong."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from kata.cards import Hint
from kata.verdict import ExerciseVerdict


@dataclass(frozen=True)
class Offer:
    """The hint to show, the `number`th of `total`; None where all have been seen.

    `fitting` is then the one that fits what the code does now, if any does.
    """

    hint: Hint | None
    number: int
    total: int
    fitting: Hint | None = None


def choose(hints: Sequence[Hint], verdict: ExerciseVerdict, seen: Collection[str]) -> Offer:
    """The next hint that is not among those seen, by their questions.

    First come those about a misconception that the code behaves like, then those about the law that fails first, then
    the others; each group in the order of the card, where who has written nothing yet begins.
    """
    slugs = _misconceptions(verdict)
    first = verdict.first_failed
    begun = any(law.status == "passed" or not law.unwritten for law in verdict.laws)
    law = first.id if first and begun else None

    def rank(hint: Hint) -> int:
        return 0 if slugs.intersection(hint.misconceptions) else 1 if law in hint.laws else 2

    left = [hint for hint in hints if hint.question not in seen]
    if left:
        return Offer(min(left, key=rank), len(hints) - len(left) + 1, len(hints))
    fitting = min(hints, key=rank, default=None)
    return Offer(None, len(hints), len(hints), fitting if fitting and rank(fitting) < 2 else None)


def _misconceptions(verdict: ExerciseVerdict) -> set[str]:
    """The slugs of what the code behaves like: none, one, or two at once."""
    named = [law.misconception for law in verdict.laws if law.misconception]
    return {slug for names in named for slug in names.split(" + ")}
