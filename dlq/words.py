"""The words that a letter is found by, and the words of a search.

Words are runs of letters and digits in lower case; `PaymentDeclined` is also `payment` and `declined`. Ids
and names, such as those of task and queue, are also words as a whole. Secrets and e-mail addresses never
become words: whoever may search could find out by guessing what is masked where letters are shown.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from dlq.envelope import Envelope, clean_text, readable_body
from dlq.letters import Failure
from dlq.redaction import Redactor

#: Words kept of one letter; ids, names and the message come first, the traceback last.
MAX_WORDS = 300
#: Words of a search that are looked at.
MAX_SEARCHED = 12
WORD_CHARACTERS = 64
#: Characters of a beginning that the index is asked for beside other words.
INDEXED_BEGINNING = 4
ID_CHARACTERS = 500

#: Lines of a traceback that become words: the innermost frames and what was raised.
_LINES = 12
_DEPTH = 8
#: Words read to find MAX_WORDS different ones.
_READ_WORDS = 5_000
_WORD = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

# E-mail too: whether it is shown is decided later than these words are written.
_UNSEARCHABLE = Redactor(email=True)


def words_of(
    envelope: Envelope, failure: Failure, named: Iterable[str] = (), *, arguments: bool = True
) -> list[str]:
    """The different words of a failed run. `named` are further names of it, such as its category.

    `arguments=False` leaves those out, for a message that is stored sealed.
    """
    names = (envelope.task_name, failure.exception_type, envelope.queue, failure.kind, *named)
    texts = [_UNSEARCHABLE.text(text) for text in (*names, failure.message)]
    wholes = [_whole(text) for text in texts[: len(names)] if text]
    if arguments:
        body = readable_body(envelope)
        texts += _leaves(_UNSEARCHABLE.value([body.args, body.kwargs or {}]))
    texts += _UNSEARCHABLE.text(failure.traceback).splitlines()[-_LINES:]
    words = chain(_ids(envelope), wholes, chain.from_iterable(map(split, texts)))
    return list(islice(dict.fromkeys(islice(words, _READ_WORDS)), MAX_WORDS))


def split(text: str) -> Iterator[str]:
    """The words of a text, in its order, with the parts of those in camel case."""
    for run in _WORD.findall(text):
        yield from _runs(run)
        parts = _CAMEL.split(run)
        if len(parts) > 1:
            yield from chain.from_iterable(map(_runs, parts))


@dataclass(frozen=True, slots=True)
class Search:
    """Two tsqueries: for all that was asked, and for as much of it as an index finds at little cost."""

    query: str
    indexed: str


def search(text: str) -> Search | None:
    """Ask for letters that have all words of `text`, the last one as a beginning.

    What stands between spaces may also be an id or a name, the last one its beginning. None when there is
    neither letter nor digit in it, which no letter matches.
    """
    pieces = [piece for piece in clean_text(text).lower().split() if _WORD.search(piece)][:MAX_SEARCHED]
    if not pieces:
        return None
    *whole, last = pieces
    terms = [*map(_either, whole), _either(last, ":*")]
    # An index reads all words that begin so: of a short beginning, nearly everything.
    sparing = terms[:-1] if whole and len(last) < INDEXED_BEGINNING else terms
    return Search(" & ".join(terms), " & ".join(sparing))


def having(names: Iterable[str]) -> list[str]:
    """Terms of a tsquery that letters with these task names, queues or the like fulfil."""
    return [_quoted(_whole(_UNSEARCHABLE.text(name))) for name in names if name]


def _ids(envelope: Envelope) -> Iterator[str]:
    for identity in (envelope.task_id, envelope.session_id, envelope.client_id, envelope.correlation_id):
        if identity:
            yield _whole(identity)


def _whole(name: str) -> str:
    return name.lower()[:ID_CHARACTERS]


def _either(piece: str, end: str = "") -> str:
    """The piece as a whole or as words: `'a-b' | 'a' & 'b'`. The end `:*` stands for any further characters.

    Of several words none is a beginning: an index would read all that begins like the last one.
    """
    whole, runs = _quoted(_whole(piece)) + end, _runs(piece)[:MAX_SEARCHED]
    return whole if runs == [piece] else f"({whole} | {' & '.join(map(_quoted, runs))})"


def _runs(text: str) -> list[str]:
    return [run[:WORD_CHARACTERS] for run in _WORD.findall(text.lower())]


def _quoted(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"


def _leaves(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, Mapping) and depth < _DEPTH:
        for name, item in value.items():
            yield str(name)
            yield from _leaves(item, depth + 1)
    elif isinstance(value, list | tuple) and depth < _DEPTH:
        for item in value:
            yield from _leaves(item, depth + 1)
    elif value is not None and not isinstance(value, bool):
        yield str(value)
