"""Puts secrets back into JSON that a person edited with the secrets masked.

A mask left where it was means what it hid. In a mapping that is the same name; in a list the same position,
and only while the list has not become shorter: in a shorter one nobody can tell which secret went.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from dlq.errors import StillMasked
from dlq.redaction.redactor import Redactor
from dlq.redaction.secret_shapes import MASK


class _Hidden(NamedTuple):
    """What stood at a path before the edit, as it was shown and as it is."""

    shown: Any
    original: Any


_NOTHING = _Hidden(None, None)


def unmasked(edited: Any, original: Any, redactor: Redactor, path: str) -> Any:
    """`edited` with the secrets of `original`. Raises StillMasked for a mask that hides none there."""
    return _unmasked(edited, _Hidden(redactor.value(original), original), redactor, path)


def _unmasked(edited: Any, hidden: _Hidden, redactor: Redactor, path: str) -> Any:
    if isinstance(edited, str) and MASK in edited:
        if edited != hidden.shown:
            raise StillMasked(path)
        return hidden.original
    if isinstance(edited, Mapping):
        return _mapping(edited, hidden, redactor, path)
    if isinstance(edited, list | tuple):
        behind = _items_behind(hidden, len(edited))
        return [_unmasked(item, behind[nth], redactor, f"{path}[{nth}]") for nth, item in enumerate(edited)]
    return edited


def _mapping(edited: Mapping[str, Any], hidden: _Hidden, redactor: Redactor, path: str) -> dict[str, Any]:
    names = _names_behind(hidden, redactor)
    kept = {}
    for name, item in edited.items():
        at = f"{path}.{name}"
        if MASK in name and name not in names:
            raise StillMasked(at)
        real = names.get(name, name)
        behind = _Hidden(hidden.shown[name], hidden.original[real]) if name in names else _NOTHING
        kept[real] = _unmasked(item, behind, redactor, at)
    return kept


def _items_behind(hidden: _Hidden, length: int) -> list[_Hidden]:
    shown, original = hidden if isinstance(hidden.shown, list) else ([], [])
    if length < len(shown):
        return [_NOTHING] * length
    behind = [_Hidden(*pair) for pair in zip(shown, original, strict=True)]
    return behind + [_NOTHING] * (length - len(behind))


def _names_behind(hidden: _Hidden, redactor: Redactor) -> dict[str, str]:
    """Shown name to real name, leaving out real names that look alike once they are masked."""
    if not isinstance(hidden.shown, Mapping):
        return {}
    alike = Counter(redactor.text(name) for name in hidden.original)
    return {shown: name for name in hidden.original if alike[shown := redactor.text(name)] == 1}
