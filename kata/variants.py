"""Changed solutions, judged: every misconception must break a law, every alternative must break none."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from kata import KataError, run
from kata.cards import Variant
from kata.curriculum import Curriculum, Exercise


class VariantError(KataError):
    """A card's find-and-replace no longer fits the solution."""


@dataclass(frozen=True)
class VariantVerdict:
    """Which laws one changed solution breaks."""

    exercise: str
    slug: str
    is_alternative: bool
    broken: tuple[str, ...]

    @property
    def as_it_should(self) -> bool:
        """Whether the laws are right about it."""
        return bool(self.broken) != self.is_alternative


def patched(exercise: Exercise, variant: Variant, source: str) -> str:
    """The solution's source with a variant's edits; each text to find must occur exactly once."""
    for find, replace in variant.edits:
        if (count := source.count(find)) != 1:
            card = exercise.law_file.with_name(f"{exercise.id}.toml")
            raise VariantError(f"{card}: {variant.slug}: {find!r} occurs {count} times in the solution, not once.")
        source = source.replace(find, replace)
    return source


def judge(curriculum: Curriculum, exercise: Exercise, variant: Variant, all_laws: bool = True) -> VariantVerdict:
    """Judges one misconception or alternative: which laws does the changed solution break?

    Without `all_laws`, only the first one that it breaks is found.
    """
    source = (curriculum.root / "solutions" / exercise.path).read_text(encoding="utf-8")
    text = patched(exercise, variant, source)
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder).resolve()
        (tree / exercise.chapter).mkdir()
        (tree / exercise.path).write_text(text, encoding="utf-8")
        verdict = run.judge(curriculum, exercise, tree, "reference", smallest=False, all_laws=all_laws)
    broken = tuple(law.id for law in verdict.broken)
    return VariantVerdict(exercise.id, variant.slug, variant in exercise.alternatives, broken)
