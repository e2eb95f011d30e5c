"""What the messages of one cause share: their text with everything that varies between runs replaced.

Quoted text is a value, unless the line of code that failed holds it too, or it names a part of a database, a
class, or a field of a printed structure. Numbers are values, unless they are codes: of a status, a signal, an
errno. Every pattern reads a message in linear time, or no more of it than `_CHARACTERS`.
"""

import re

_CHARACTERS = 500
#: A quoted text of so many words, inside a printed structure, is a message of its own.
_SENTENCE = 4

_CODE = (
    r"\b(?i:errno|winerror|signal|status|code|http|sqlstate)(?: code)?[ :=(]{1,2}-?\d+"
    r"|\b[45]\d\d (?=[A-Z][a-z])"
)
_DATABASE_NAME = (
    r"\b(?:constraint|relation|column|table|function|type|index|key|schema|database|role|sequence|view)"
    r" (?P<mark>[\"'`])[\w.]+(?P=mark)"
)
#: First match wins, and what one has matched no other sees.
_TOKEN = re.compile(
    "|".join(
        f"(?P<{name}>{pattern})"
        for name, pattern in (
            ("code", _CODE),
            ("database_name", _DATABASE_NAME),
            ("object", r"<(?:\w+\.)*(?P<class>[A-Z]\w*)(?: object at 0x\w+|: [^<>]*)>"),
            ("quoted", r"(?<!\w)[bru]?(?:'(?:[^'\\]|\\.|(?<=\w)'(?=\w))*'(?!\w)|\"[^\"]*\"|`[^`]+`)"),
            ("url", r"\b\w+://[^\s'\"<>)]+"),
            ("address", r"\b0x[0-9a-fA-F]+"),
            ("id", r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"),
            ("time", r"\b\d{4}-\d\d-\d\d(?:[T ][\d:.,]+(?:Z|[+-]\d\d:?\d\d)?)?"),
            ("email", r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)*"),
            ("path", r"\(?(?:\b[A-Za-z]:)?(?:[\\/]+[\w.@+=-]+){2,}(?:\?\S+)?\)?"),
            ("name", r"\b[A-Za-z]\w*(?:[.-]\w+)*:\d+\b|\b[A-Za-z]\w*(?:-\w+)*-\d+\b"),
            (
                "hash",
                r"\b(?=[a-f]*\d)[0-9a-f]{8,}\b|(?<![A-Za-z0-9])(?=[A-Za-z]*\d)[A-Za-z0-9]{16,}(?![A-Za-z0-9])",
            ),
            ("number", r"\d+(?:[.,:]\d+)*"),
        )
    )
)
_MARK = re.compile(r"[\"'`]")

_STATUS = re.compile(r"[1-5]\d\d [A-Z][\w ]*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z_.]*")
_PROGRAM_NAME = re.compile(r"[a-z]+(?:_[a-z]+)+")
_CLASS_NAME = re.compile(r"(?:[A-Z]+[a-z0-9]+){2,}")
_AFTER_CLASS = re.compile(r" (?:object\b|and ['\"])")
_BEFORE_CLASS = re.compile(r"(?:['\"] and|\bof|\bnot) $")
_INSIDE_STRUCTURE = re.compile(r"(?:[(\[{,=] *|['\"]: )$")

_INVALID = re.compile(r"\d+ validation errors? for \w+")
_INVALID_FIELD = re.compile(r"(\S.*)\n.*?[\[(]type=([\w.]+)")
_ASIDE = re.compile(r"[.?]? ?Did you mean.*|[.!]+$")
_OWNER = re.compile(r"\b\w+\.(?=__\w+__\(\))")
_PLURAL = re.compile(r"(<number> (?:[a-z]+ ){0,2}?(?!(?:is|was|has)\b)[a-z]+?)(?<![isu])s\b")
_WERE = re.compile(r"\bwere\b")
_LISTED = re.compile(r"(<\w+>)(?:(?:,|,? and|,? or) <\w+>)+")
_SIDES = re.compile(r"(?<!\S)(\S+) (and|!=) (\S+)$")


def shared(message: str, code: str = "") -> str:
    """`message` in one line, with placeholders for what varies. `code` is the line of source that failed."""
    line = _OWNER.sub("", _ASIDE.sub("", _telling_line(message)))
    line = _TOKEN.sub(lambda token: _replaced(token, code), line)
    line = _WERE.sub("was", _PLURAL.sub(r"\1", line))
    line = " ".join(_LISTED.sub(r"\1", line).split())
    # Which of two operands stands first is chance.
    return _SIDES.sub(lambda sides: f" {sides[2]} ".join(sorted(sides.group(1, 3))), line)


def _telling_line(message: str) -> str:
    """The first line; with the next one, if it only announces that; of a model's errors the first field."""
    first, _, rest = message.strip()[: 4 * _CHARACTERS].partition("\n")
    if _INVALID.match(first) and (field := _INVALID_FIELD.match(rest)):
        first = f"{first} {field[1]} {field[2]}"
    elif first.endswith(":"):
        first = f"{first} {rest.strip().partition(chr(10))[0]}"
    return first[:_CHARACTERS]


def _replaced(token: re.Match[str], code: str) -> str:
    match token.lastgroup:
        case "code":
            return token[0]
        case "database_name":
            return _MARK.sub("", token[0])
        case "object":
            return token["class"]
        case "quoted":
            return _unquoted(token, code)
        case kind:
            return f"<{kind}>"


def _unquoted(token: re.Match[str], code: str) -> str:
    text = token[0].lstrip("bru")[1:-1]
    before, after = token.string[: token.start()], token.string[token.end() :]
    if _STATUS.fullmatch(text) or _is_in(code, text) or _is_class(text, before, after):
        return text
    if _INSIDE_STRUCTURE.search(before):
        if _PROGRAM_NAME.fullmatch(text) or (after.startswith(":") and _NAME.fullmatch(text)):
            return text
        if len(text.split()) >= _SENTENCE:
            return shared(text, code)
    return "<value>"


def _is_in(code: str, text: str) -> bool:
    return len(text) > 1 and bool(re.search(rf"(?<!\w){re.escape(text)}(?!\w)", code))


def _is_class(text: str, before: str, after: str) -> bool:
    beside = _AFTER_CLASS.match(after) or _BEFORE_CLASS.search(before)
    return bool(beside and _CLASS_NAME.fullmatch(text))
