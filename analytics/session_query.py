"""Which sessions a link opens: funnel, question and selection, as the parameters of an address and back.

What has its default is left out. Moments are ISO 8601 in UTC, `session_where` is a JSON list of a dimension
and its values, `event_where` the conditions as in a definition. Parameters of other names are ignored; what
pages bind to their filters has other names than these.
"""

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from analytics.definition_json import conditions_from_json, conditions_to_json
from analytics.errors import InvalidFunnel, InvalidQuery
from analytics.funnels import FunnelDefinition
from analytics.question import DEFAULT_GROUPS, Filter, Question
from analytics.sessions import Selection

Pairs = list[tuple[str, str]]
_WHOLE = ("reached", "stopped", "bin")
_TEXT = ("outcome", "value", "pattern")
_WITH_DEFAULT = {
    "time_zone": "zone",
    "completions": "completions",
    "attribution": "attribution",
    "most_groups": "most_groups",
}
#: What a question is written with in an address.
QUESTION_NAMES = ("since", "until", *_WITH_DEFAULT, "session_where", "event_where", "breakdown")
_YES_OR_NO = {"yes": True, "no": False}


@dataclass(frozen=True, slots=True)
class SessionQuery:
    name: str  #: of the funnel
    window_seconds: int | None  #: instead of the definition's own
    question: Question
    selection: Selection

    @classmethod
    def of(cls, definition: FunnelDefinition, question: Question, selection: Selection) -> Self:
        return cls(definition.name, definition.window_seconds, question, selection)

    @classmethod
    def from_pairs(cls, pairs: Iterable[tuple[str, str]]) -> Self:
        """What `to_pairs` wrote. Raises InvalidQuery naming the parameter."""
        given = _Given(pairs)
        return cls(given.text("name", ""), given.whole("window_seconds"), _question(given), _selection(given))

    def to_pairs(self) -> Pairs:
        window: Pairs = [] if self.window_seconds is None else [("window_seconds", str(self.window_seconds))]
        return [("name", self.name), *window, *_of_question(self.question), *_of_selection(self.selection)]

    def applied_to(self, saved: FunnelDefinition) -> FunnelDefinition:
        """The definition with the window that the link asks for. Raises InvalidFunnel."""
        return saved.within(self.window_seconds)


class _Given:
    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values: Mapping[str, list[str]] = defaultdict(list)
        for name, value in pairs:
            self._values[name].append(value)

    def all(self, name: str) -> Sequence[str]:
        return self._values.get(name, [])

    def maybe(self, name: str) -> str | None:
        values = self.all(name)
        return values[-1] if values else None

    def text(self, name: str, default: str) -> str:
        value = self.maybe(name)
        return default if value is None else value

    def whole(self, name: str) -> int | None:
        written = self.maybe(name)
        if written is None:
            return None
        if not written.isascii() or not written.isdigit() or len(written) > 9:
            raise InvalidQuery(name, f"{written!r} is not a whole number")
        return int(written)

    def moment(self, name: str) -> dt.datetime | None:
        written = self.maybe(name)
        if written is None:
            return None
        try:
            return dt.datetime.fromisoformat(written)
        except ValueError:
            raise InvalidQuery(name, f"{written!r} is not a moment like 2026-03-01T00:00:00Z") from None

    def json(self, name: str) -> list[Any]:
        try:
            return [json.loads(written) for written in self.all(name)]
        except ValueError:
            raise InvalidQuery(name, "is not JSON") from None


def _question(given: _Given) -> Question:
    most_groups = given.whole("most_groups")
    return Question(
        since=given.moment("since"),
        until=given.moment("until"),
        zone=given.text("time_zone", "UTC"),
        completions=given.text("completions", "within_window"),
        where=tuple(map(_filter, given.json("session_where"))),
        event_where=tuple(one for body in given.json("event_where") for one in _conditions(body)),
        breakdown=tuple(given.all("breakdown")),
        attribution=given.text("attribution", "session"),
        most_groups=DEFAULT_GROUPS if most_groups is None else most_groups,
    )


def _filter(body: object) -> Filter:
    if not isinstance(body, list) or not body or not all(isinstance(one, str) for one in body):
        raise InvalidQuery("session_where", 'is not a list of a dimension and its values: ["plan", "pro"]')
    return Filter(body[0], tuple(body[1:]))


def _conditions(body: object) -> tuple[Any, ...]:
    try:
        return conditions_from_json("event_where", body)
    except InvalidFunnel as error:
        raise InvalidQuery(error.field, error.problem) from None


def _selection(given: _Given) -> Selection:
    silent = given.maybe("silent")
    if silent is not None and silent not in _YES_OR_NO:
        raise InvalidQuery("silent", f"{silent!r} is not yes or no")
    chosen: dict[str, Any] = {name: given.whole(name) for name in _WHOLE}
    chosen |= {name: given.maybe(name) for name in _TEXT}
    is_silent = None if silent is None else _YES_OR_NO[silent]
    return Selection(silent=is_silent, bins=given.text("bins", "day"), **chosen)


def _of_question(question: Question) -> Pairs:
    pairs: Pairs = []
    for name, moment in (("since", question.since), ("until", question.until)):
        if moment is not None:
            pairs.append((name, moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")))
    default = Question()
    for name, field in _WITH_DEFAULT.items():
        if (value := getattr(question, field)) != getattr(default, field):
            pairs.append((name, str(value)))
    pairs += [("session_where", _json([one.dimension, *one.values])) for one in question.where]
    if question.event_where:
        pairs.append(("event_where", _json(conditions_to_json(question.event_where))))
    return pairs + [("breakdown", dimension) for dimension in question.breakdown]


def _of_selection(selection: Selection) -> Pairs:
    pairs: Pairs = [
        (name, str(value)) for name in (*_WHOLE, *_TEXT) if (value := getattr(selection, name)) is not None
    ]
    if selection.silent is not None:
        pairs.append(("silent", "yes" if selection.silent else "no"))
    return [*pairs, ("bins", selection.bins)] if selection.bin is not None else pairs


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
