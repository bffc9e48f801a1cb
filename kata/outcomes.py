"""What the calls of a probe did, as plain data, and whether two of them did the same.

What was observed of a submission comes from its own process: it may be anything that JSON can say. Nothing here fails
on it, goes deeper into it, or looks at more of it, than into what it is compared with.
"""

import math
from collections.abc import Sequence
from typing import Any

Outcome = Any
"""What one call did: JSON data. A tensor, an error and a container are dictionaries with one key that says which."""
Outcomes = Sequence[Outcome]

UNWRITTEN: Outcome = {"unwritten": True}
TOLERANCE = {"float64": 1e-8}


def differs(observed: Outcomes, known: Outcomes) -> bool:
    """Whether a submission does something else in any call that it has written code for."""
    if len(observed) != len(known):
        return True
    return not all(alike(a, b) for a, b in zip(observed, known, strict=True))


def alike(observed: Outcome, known: Outcome) -> bool:
    """Whether a call did the same, or is not written yet and so tells nothing."""
    return same(observed, UNWRITTEN) or same(observed, known)


def same(observed: Outcome, known: Outcome) -> bool:
    """Whether two outcomes are alike: numbers up to rounding, NaN like NaN, all else exactly."""
    if type(observed) is not type(known):
        return False
    if isinstance(known, dict):
        if "tensor" in known and "tensor" in observed:
            return _same_tensors(observed["tensor"], known["tensor"])
        return observed.keys() == known.keys() and all(same(observed[key], known[key]) for key in known)
    if isinstance(known, list):
        return len(observed) == len(known) and all(map(same, observed, known))
    if isinstance(known, float):
        return math.isclose(observed, known, rel_tol=1e-8, abs_tol=1e-8) or (math.isnan(observed) and math.isnan(known))
    return bool(observed == known)


def _same_tensors(observed: Any, known: dict[str, Any]) -> bool:
    if not isinstance(observed, dict) or not isinstance(found := observed.get("numbers"), list):
        return False
    numbers = known["numbers"]
    if len(found) != len(numbers) or any(observed.get(key) != known[key] for key in ("shape", "dtype")):
        return False
    largest = max((abs(number) for number in numbers if math.isfinite(number)), default=0.0)
    limit = TOLERANCE.get(known["dtype"], 1e-4) * max(1.0, largest)
    return all(
        type(x) is float and (x == y or abs(x - y) <= limit or (math.isnan(x) and math.isnan(y)))
        for x, y in zip(found, numbers, strict=True)
    )
