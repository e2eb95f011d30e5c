"""Reads the text of a traceback: which exception began it all, and which frames are our own code.

"The above exception was the direct cause" makes what follows a wrapper: the first of such a chain counts.
After "During handling" it is the last one, for a handler that fails is a bug of its own. Of an exception
group the first exception that is no group itself counts. Every pattern reads a text in linear time.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_LINK = re.compile(
    r"^(The above exception was the direct cause of the following exception:"
    r"|During handling of the above exception, another exception occurred:)$",
    re.MULTILINE,
)
_DIRECT = "The above"
_GROUP = "Exception Group Traceback"
_GROUP_RULE = re.compile(r"^ *\+[-+]{10,}+(?: (?:\d+|\.{3}) -{10,}+)?$", re.MULTILINE)
_MARGIN = re.compile(r"^ *\| ?", re.MULTILINE)
# These end waiting or a loop and are no failures; what they were turned into is.
_SIGNAL = re.compile(r"(?:CancelledError|StopIteration|StopAsyncIteration|GeneratorExit)$")
_FRAME = re.compile(r'^ *File "([^"\n]+)", line \d+(?:, in ([^\n]+))?(?:\n {4,}(\S[^\n]*))?', re.MULTILINE)
_RAISED = re.compile(r"^([A-Za-z_][\w.]*)(?:: |$)", re.MULTILINE)
_PACKAGE = re.compile(r"site-packages|dist-packages|\.egg[/\\]|\.p[yx][xi]$")
_STANDARD = re.compile(r"/lib(?:64)?/python\d|[/\\]Lib[/\\]|^<frozen")


@dataclass(frozen=True, slots=True)
class Frame:
    file: str  #: without folders
    function: str
    code: str  #: the line of source; "" when the traceback does not have it


@dataclass(frozen=True, slots=True)
class Origin:
    """The exception that began it all, and the frames that led to it, from outside to inside."""

    exception_type: str  #: "" when nothing is wrapped: then it is the one that the letter names
    message: str
    own: tuple[Frame, ...]  #: our own code; of the wrapper when the first exception has none
    packages: tuple[Frame, ...]  #: installed ones, without the standard library


def origin(traceback: str) -> Origin:
    leaf = _leaf(traceback)
    parts = _LINK.split(leaf)
    blocks, links = parts[::2], parts[1::2]
    first = _began(blocks, links)
    is_named_elsewhere = leaf is traceback and first == len(blocks) - 1
    exception_type, message = ("", "") if is_named_elsewhere else _raised(blocks[first])
    own = next((frames for block in blocks[first:] if (frames := _frames(block, _is_own))), ())
    return Origin(exception_type, message, own, _frames(blocks[first], _PACKAGE.search))


def _began(blocks: Sequence[str], links: Sequence[str]) -> int:
    """Which block the last one was caused by, directly or over others."""
    at = len(blocks) - 1
    while at and links[at - 1].startswith(_DIRECT) and not _SIGNAL.search(_raised(blocks[at - 1])[0]):
        at -= 1
    return at


def _leaf(traceback: str) -> str:
    """The first exception of a group as an ordinary traceback; a text without groups as it is."""
    if _GROUP not in traceback:
        return traceback
    sections = [section for section in _GROUP_RULE.split(traceback) if _GROUP not in section]
    return _MARGIN.sub("", next((section for section in sections if section.strip()), traceback))


def _frames(block: str, wanted: Callable[[str], object]) -> tuple[Frame, ...]:
    return tuple(
        Frame(re.split(r"[/\\]", file)[-1], function, code)
        for file, function, code in _FRAME.findall(block)
        if wanted(file)
    )


def _is_own(file: str) -> bool:
    return not (_PACKAGE.search(file) or _STANDARD.search(file))


def _raised(block: str) -> tuple[str, str]:
    """Type and message as the block ends with them."""
    frames = list(_FRAME.finditer(block))
    ending = block[frames[-1].end() :] if frames else block
    named = _RAISED.search(ending)
    return (named[1], ending[named.end() :].strip()) if named else ("", "")
