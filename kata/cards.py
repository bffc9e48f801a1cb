"""The lists that a card holds: misconceptions, alternatives and hints, each read from a table of its own."""

import difflib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from kata.tables import CurriculumError, Table


@dataclass(frozen=True)
class Variant:
    """A changed solution: a named misconception (wrong, and `why`), or a valid alternative (right, without `why`).

    `twin` is the misconception that this one cannot be told from by what it does on the probe's calls; `only_compared`
    says that no law but a comparison with the solution's result is about it, `raises` that what it does wrong is to
    raise an error.
    """

    slug: str
    says: str
    why: str
    edits: tuple[tuple[str, str], ...]
    twin: str | None = None
    only_compared: bool = False
    raises: bool = False

    @property
    def known_as(self) -> str:
        """The name that a diagnosis gives it: its twin's, if it has one."""
        return self.twin or self.slug


@dataclass(frozen=True)
class Hint:
    """What a stuck learner asks, and the answer.

    `laws` are the names of the laws that it helps with, `misconceptions` the slugs, as a diagnosis names them.
    """

    question: str
    answer: str
    laws: tuple[str, ...] = ()
    misconceptions: tuple[str, ...] = ()


def variants(file: Path, card: Table, kind: str, sentences: tuple[str, ...]) -> tuple[Variant, ...]:
    """The card's misconceptions or alternatives, as `kind` says; raises CurriculumError."""
    found: list[Variant] = []
    for index, entry in enumerate(card.take(kind, list, default=[])):
        table = Table(file, entry, f"{kind}[{index}].")
        slug = table.take("slug", str)
        texts = [table.take(sentence, str).strip() for sentence in sentences]
        edits = [(table.take("find", str), table.take("replace", str, may_be_empty=True))]
        for number, more in enumerate(table.take("also", list, default=[])):
            edit = Table(file, more, f"{kind}[{index}].also[{number}].")
            edits.append((edit.take("find", str), edit.take("replace", str, may_be_empty=True)))
            edit.nothing_left()
        twin = table.take("twin", str) if "twin" in table.data else None
        only_compared, raises = (table.data.pop(key, False) is True for key in ("only_compared", "raises"))
        table.nothing_left()
        if twin is not None and twin not in [variant.slug for variant in found]:
            raise CurriculumError(f"{file}: {kind}[{index}].twin: no {kind} above it is called {twin!r}.")
        if slug in [variant.slug for variant in found]:
            raise CurriculumError(f"{file}: {kind}[{index}].slug {slug!r} is used twice.")
        found.append(Variant(slug, texts[0], "".join(texts[1:]), tuple(edits), twin, only_compared, raises))
    return tuple(found)


def hints(
    file: Path, entries: list[dict[str, object]], laws: Collection[str], misconceptions: Collection[Variant]
) -> tuple[Hint, ...]:
    """The card's hints, each tied to laws and misconceptions that there are; raises CurriculumError."""
    names = {variant.slug: variant.known_as for variant in misconceptions}
    found: list[Hint] = []
    for index, entry in enumerate(entries):
        table = Table(file, entry, f"hint[{index}].")
        question, answer = table.take("question", str).strip(), table.take("answer", str).strip()
        helps, slugs = table.take_strings("laws", default=()), table.take_strings("misconceptions", default=())
        table.nothing_left()
        _all_known(file, f"hint[{index}].laws", "law", helps, laws)
        _all_known(file, f"hint[{index}].misconceptions", "misconception", slugs, names)
        # What has been seen is remembered by its question.
        if question in [hint.question for hint in found]:
            raise CurriculumError(f"{file}: hint[{index}].question {question!r} is asked twice.")
        found.append(Hint(question, answer, helps, tuple(names[slug] for slug in slugs)))
    return tuple(found)


def _all_known(file: Path, key: str, kind: str, given: Collection[str], known: Collection[str]) -> None:
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            offer = f" (did you mean {close[0]!r}?)" if close else ""
            raise CurriculumError(f"{file}: {key}: no {kind} is called {name!r}{offer}.")
