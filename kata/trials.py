"""What all variants of one exercise say of its laws and of its diagnosis."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from kata import diagnosis
from kata.cards import Variant
from kata.curriculum import Exercise
from kata.variants import SOLUTION, VariantVerdict

MARKS = {"broken": "#", "raised": "!"}


@dataclass(frozen=True)
class Trial:
    """The verdicts on every misconception and alternative of an exercise."""

    exercise: Exercise
    verdicts: list[VariantVerdict]

    @cached_property
    def complaints(self) -> list[str]:
        """What is wrong with the laws or the diagnosis, a sentence each."""
        return list(self._complaints())

    @cached_property
    def needless(self) -> list[str]:
        """The laws that catch no misconception that no other law catches."""
        needed = {laws[0] for v in self.verdicts if len(laws := list(v.caught)) == 1}
        return [law.id for law in self.exercise.laws if law.id not in needed]

    def summary(self) -> str:
        """A line, and one for each complaint."""
        return "\n".join([self._heading, *self._wrong])

    def table(self) -> str:
        """Misconceptions by laws: `#` where a law says that it is wrong, `!` where the code only raised an error."""
        exercise = self.exercise
        numbers = range(1, len(exercise.laws) + 1)
        width = max(len(verdict.slug) for verdict in self.verdicts)
        lines = [self._heading, ""]
        lines += [" " * width + " " + "".join(str(number // 10 or " ") for number in numbers)]
        lines += [" " * width + " " + "".join(str(number % 10) for number in numbers)]
        for verdict in self.verdicts:
            marks = "".join(MARKS.get(verdict.caught.get(law.id, ""), "·") for law in exercise.laws)
            lines.append(f"{verdict.slug:<{width}} {marks}")
        lines += ["", "the laws, and how many misconceptions each catches (*: all of them are caught by others, too)"]
        for number, law in enumerate(exercise.laws, 1):
            count = sum(law.id in verdict.caught for verdict in self.verdicts)
            lines.append(f"{number:3} {'*' if law.id in self.needless else ' '} {count:3}  {law.id}")
        lines += ["", *self._wrong]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "exercise": self.exercise.id,
            "variants": [
                {"slug": verdict.slug, "alternative": verdict.is_alternative, "caught": verdict.caught}
                for verdict in self.verdicts
            ],
            "needless": self.needless,
            "complaints": self.complaints,
        }

    @property
    def _heading(self) -> str:
        wrong, right = self.exercise.misconceptions, self.exercise.alternatives
        return f"{self.exercise.id}: {len(wrong)} misconceptions, {len(right)} alternatives"

    @property
    def _wrong(self) -> list[str]:
        return [f"WRONG: {complaint}" for complaint in self.complaints]

    def _complaints(self) -> Iterator[str]:
        variants = (SOLUTION, *self.exercise.misconceptions, *self.exercise.alternatives)
        for variant, verdict in zip(variants, self.verdicts, strict=True):
            if verdict.ended:
                yield f"{variant.slug}: {verdict.ended}."
            elif verdict.is_alternative:
                if rejecting := verdict.caught_by((law.id for law in self.exercise.laws), raises=True):
                    yield f"{variant.slug} is right, and rejected by {', '.join(rejecting)}."
            else:
                yield from self._uncaught(variant, verdict)
        yield from self._misdiagnosed()

    def _uncaught(self, variant: Variant, verdict: VariantVerdict) -> Iterator[str]:
        said = verdict.caught_by((law.id for law in self.exercise.laws), variant.raises)
        if not verdict.caught:
            yield f"{variant.slug} is wrong, and no law says so."
        elif not said:
            yield f"{variant.slug} only raises errors: no law says in a sentence what is wrong."
        elif not variant.only_compared and all(law in self.exercise.compares for law in said):
            yield f"{variant.slug} only differs from the computed result ({', '.join(said)}): no law is about it."

    def _misdiagnosed(self) -> Iterator[str]:
        outcomes = {verdict.slug: verdict.outcomes for verdict in self.verdicts if verdict.outcomes is not None}
        misconceptions = {v.slug: outcomes[v.slug] for v in self.exercise.misconceptions if v.slug in outcomes}
        expected = outcomes.get(SOLUTION.slug)
        if expected is None:
            yield "There is no probe, or it cannot begin: nothing can be diagnosed."
            return
        twins = diagnosis.twins(self.exercise)
        for verdict in self.verdicts:
            if verdict.outcomes is None:
                yield f"{verdict.slug} cannot be probed, and so not diagnosed."
                continue
            named = diagnosis.identify(verdict.outcomes, expected, misconceptions, twins)
            wanted = None if verdict.is_alternative else twins.get(verdict.slug, verdict.slug)
            if named != wanted:
                yield f"{verdict.slug} is diagnosed as {named or 'nothing'}, not as {wanted or 'nothing'}."
