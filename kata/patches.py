"""A solution's source with the edits of a misconception or an alternative."""

from kata import KataError
from kata.cards import Variant
from kata.curriculum import Exercise


class VariantError(KataError):
    """A card's find-and-replace no longer fits the solution."""


def patched(exercise: Exercise, variant: Variant, source: str) -> str:
    """The source with the variant's edits; each text to find must occur exactly once."""
    for find, replace in variant.edits:
        if (count := source.count(find)) != 1:
            card = exercise.law_file.with_name(f"{exercise.id}.toml")
            raise VariantError(f"{card}: {variant.slug}: {find!r} occurs {count} times in the solution, not once.")
        source = source.replace(find, replace)
    return source
