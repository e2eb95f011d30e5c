"""Where a value ends in text that may be JSON, Python, a query string, or JSON quoted inside JSON.

In doubt, as with a quote or bracket that never closes, the value reaches further: it is about to be masked.
Each call reads on from where it starts and never back, so that reading value after value stays linear.
"""

import re

_OPENING_QUOTE = re.compile(r"[bBrRuU]{0,2}(\\*+)([\"'])")
_QUOTE_OR_LINE = re.compile(r"(?<!\\)(\\*+)([\"'])|\n")
_QUOTE_OR_BRACKET = re.compile(r"(?<!\\)(\\*+)([\"'])|[\[{(]|[\])}]")
_BARE = re.compile(r"[^\s,;&)}\]]*")
_OPENING = ("{", "[", "(")


def end_of_value(text: str, start: int) -> int:
    """The position after the string, list, mapping or bare word that begins at `start`."""
    if quote := _OPENING_QUOTE.match(text, start):
        return _end_of_string(text, quote)
    if text.startswith(_OPENING, start):
        return _end_of_brackets(text, start)
    bare = _BARE.match(text, start)
    return bare.end() if bare else start


def end_of_line(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _end_of_string(text: str, opening: re.Match[str]) -> int:
    escapes = len(opening[1])
    for mark in _QUOTE_OR_LINE.finditer(text, opening.end()):
        if mark[0] == "\n":
            return mark.start()
        further = len(mark[1]) - escapes
        # With more backslashes it is a quote inside the string, or the end of one that ends in a backslash:
        # after JSON was printed as Python nobody can tell these apart.
        if mark[2] == opening[2] and further <= 0:
            return mark.end() if further == 0 else mark.start()
    return len(text)


def _end_of_brackets(text: str, start: int) -> int:
    depth, at = 0, start
    while mark := _QUOTE_OR_BRACKET.search(text, at):
        at = mark.end()
        if mark[2]:
            at = _end_of_string(text, mark)
        elif mark[0] in _OPENING:
            depth += 1
        else:
            depth -= 1
            if depth == 0:
                return at
    return len(text)
