"""Ranks: kyu grades, from the points earned of those possible."""

# From which share of the points on a rank is held, the lowest first. Dan grades are kept for what comes later.
RANKS = (
    (0.0, "10 kyu"),
    (0.1, "9 kyu"),
    (0.2, "8 kyu"),
    (0.3, "7 kyu"),
    (0.4, "6 kyu"),
    (0.5, "5 kyu"),
    (0.6, "4 kyu"),
    (0.75, "3 kyu"),
    (0.9, "2 kyu"),
    (1.0, "1 kyu"),
)


def rank(points: float, max_points: float) -> str:
    """The rank that goes with these points.

    >>> rank(0, 200), rank(199, 200), rank(200, 200)
    ('10 kyu', '2 kyu', '1 kyu')
    """
    return max((share, name) for share, name in RANKS if points >= share * max_points)[1]
