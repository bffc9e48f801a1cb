"""What each key does now: which are offered, what they make of the session, and what is then to be done."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from kata.curriculum import Exercise
from kata.watch import session as sessions
from kata.watch.session import FILTERS, Listing, Session


@dataclass(frozen=True)
class Judge:
    """Judge the current exercise now."""


@dataclass(frozen=True)
class JudgeAll:
    """Judge all exercises, as many at once as there are cores."""

    own: bool


@dataclass(frozen=True)
class PutBack:
    """Put the stub of an exercise back, after a backup."""

    exercise: Exercise


@dataclass(frozen=True)
class Quit:
    """Leave."""


Effect = Judge | JudgeAll | PutBack | Quit
Pressed = tuple[Session, list[Effect]]


@dataclass(frozen=True)
class Key:
    """A key that does something now: its name, what the learner is told about it, and what it does."""

    name: str
    says: str
    does: Callable[[Session], Pressed]


def press(session: Session, key: str) -> Pressed:
    """What a key makes of the session; one that is not offered makes nothing."""
    if session.listing is not None and session.view == "list" and session.listing.typing:
        return _typed(session, session.listing, key)
    if session.view == "reset" and session.reset is not None:
        reset = replace(session, reset=None, view="list" if session.listing else "exercise")
        return (reset, [PutBack(session.reset)]) if key == "y" else (replace(reset, remark="Nothing was reset."), [])
    for offer in offered(session):
        if key == offer.name:
            return offer.does(session)
    if session.view == "list" and key in ("up", "down", "home", "end"):
        return _chosen(session, key), []
    if session.view != "exercise" and key in ("escape", "q"):
        return _back(session)
    return session, []


def offered(session: Session) -> list[Key]:
    """The keys to name on the screen, in this order."""
    match session.view:
        case "reset":
            return []
        case "list":
            return _of_the_list(session)
        case "exercise":
            return [*_of_the_exercise(session), Key("q", "quit", lambda now: (now, [Quit()]))]
        case "summary":
            return [key for key in _of_the_exercise(session) if key.name == "l"] + [Key("escape", "back", _back)]
        case _:
            again = [key for key in _of_the_exercise(session) if key.name in ("s", "d")]
            return [*again, Key("escape", "back", _back)]


def _of_the_exercise(session: Session) -> list[Key]:
    keys = []
    if session.is_done:
        following = session.following
        if following is not None:
            keys.append(Key("n", f"next: {following.id}", lambda now: _go(now, following)))
        else:
            keys.append(Key("n", "to the end", _finale))
    if session.previous is not None:
        before = session.previous
        keys.append(Key("p", "previous", lambda now: _go(now, before)))
    if not session.is_done:
        keys.append(Key("h", "hint", lambda now: (sessions.with_hint(now), [])))
    keys += [
        Key("l", "list", lambda now: (replace(now, view="list", listing=Listing(now.current.id), remark=""), [])),
        Key("c", "check all", lambda now: (replace(now, view="grid", remark=""), [JudgeAll(now.own)])),
        Key("v", "all known", lambda now: _seen(now, "output")),
        Key("o", "on reference" if session.own else "on your own", _turned),
    ]
    if session.is_done:
        keys += [
            Key("s", "solution", lambda now: _seen(now, "solution")),
            Key("d", "difference", lambda now: _seen(now, "difference")),
        ]
    keys.append(Key("x", "reset", lambda now: (replace(now, view="reset", reset=now.current, remark=""), [])))
    return keys


def _of_the_list(session: Session) -> list[Key]:
    listing = session.listing or Listing(session.current.id)
    following = FILTERS[(FILTERS.index(listing.filter) + 1) % len(FILTERS)]

    def filtered(now: Session) -> Pressed:
        return _kept(replace(now, listing=replace(listing, filter=following))), []

    def searching(now: Session) -> Pressed:
        return _kept(replace(now, listing=replace(listing, search="", typing=True))), []

    keys = [Key("f", f"show {following}", filtered), Key("slash", "search", searching)]
    if chosen := _choice(session):
        keys += [
            Key("enter", "go there", lambda now: _go(now, chosen)),
            Key("r", "reset", lambda now: (replace(now, view="reset", reset=chosen), [])),
        ]
    return [*keys, Key("escape", "back", _back)]


def _typed(session: Session, listing: Listing, key: str) -> Pressed:
    if key in ("enter", "escape"):
        search = listing.search if key == "enter" else ""
        return _kept(replace(session, listing=replace(listing, search=search, typing=False))), []
    if key in ("up", "down"):
        return _chosen(session, key), []
    if key == "backspace":
        search = listing.search[:-1]
    else:
        letter = {"underscore": "_", "space": " ", "minus": "-"}.get(key, key)
        search = listing.search + letter if len(letter) == 1 else listing.search
    return _kept(replace(session, listing=replace(listing, search=search))), []


def _choice(session: Session) -> Exercise | None:
    return next((e for e in session.listed if session.listing and e.id == session.listing.chosen), None)


def _kept(session: Session) -> Session:
    """The same, with something chosen that the list shows, where it shows anything."""
    shown = [exercise.id for exercise in session.listed]
    if session.listing is None or not shown or session.listing.chosen in shown:
        return session
    return replace(session, listing=replace(session.listing, chosen=shown[0]))


def _chosen(session: Session, key: str) -> Session:
    shown = [exercise.id for exercise in session.listed]
    if session.listing is None or not shown:
        return session
    here = shown.index(session.listing.chosen) if session.listing.chosen in shown else 0
    there = {"up": here - 1, "down": here + 1, "home": 0, "end": len(shown) - 1}[key]
    return replace(session, listing=replace(session.listing, chosen=shown[min(max(there, 0), len(shown) - 1)]))


def _seen(session: Session, view: sessions.View) -> Pressed:
    return replace(session, view="exercise" if session.view == view else view, remark=""), []


def _go(session: Session, exercise: Exercise) -> Pressed:
    return sessions.moved_to(session, exercise), [Judge()]


def _turned(session: Session) -> Pressed:
    return sessions.with_own(session, not session.own), [Judge()]


def _finale(session: Session) -> Pressed:
    return sessions.with_finale(session), [JudgeAll(own=True)]


def _back(session: Session) -> Pressed:
    return replace(session, view="exercise", listing=None, reset=None, remark=""), []
