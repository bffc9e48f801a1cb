"""Who hears what happens while laws run."""

from typing import Any

from kata.verdict import ExerciseVerdict, LawVerdict


class Listener:
    """Hears what happens while laws run; does nothing with it by itself."""

    def ready(self) -> None:
        """Everything is prepared; none of the submission's code has run."""

    def begin(self, law: str) -> None:
        """A law begins."""

    def end(self, law: LawVerdict) -> None:
        """A law has its verdict."""

    def judged(self, verdict: ExerciseVerdict) -> None:
        """Every law has."""

    def observed(self, outcomes: list[Any]) -> None:
        """What the probe found, where laws are broken: heard after `judged`, if at all."""
