"""What every format must account for: a test for each law, and never no test at all, which readers take for success."""

from dataclasses import replace

from kata.verdict import ExerciseVerdict, LawVerdict, Verdict


def exercises(verdict: Verdict) -> list[ExerciseVerdict]:
    """The exercises of a verdict, each with a law: where there is none, one that says that nothing was judged."""
    judged = verdict.exercises or [ExerciseVerdict("kata", "kata", "The judge", "", status="error")]
    return [exercise if exercise.laws else replace(exercise, laws=[_nothing()]) for exercise in judged]


def explain(exercise: ExerciseVerdict, law: LawVerdict) -> str:
    """Why a law earns nothing, for a person: what went wrong, the smallest case, what may be believed, where."""
    if law.status == "passed":
        return ""
    lines = [law.message or "This law does not hold."]
    if law.status == "not_judged":
        lines = ["This law was not judged, and so earns nothing.", law.message or exercise.message or ""]
    if law.counterexample:
        gap = "\n" if "\n" in law.counterexample else " "
        lines.append(f"{law.heading_of_case}:{gap}{law.counterexample}")
    if law.diagnosis:
        lines.append(law.diagnosis)
    if law.place and law.place not in lines[0]:
        lines.append(f"See {law.place}")
    return "\n".join(line for line in lines if line)


def _nothing() -> LawVerdict:
    return LawVerdict("something_is_judged", "Something is judged.", 0, message="Nothing was judged.")
