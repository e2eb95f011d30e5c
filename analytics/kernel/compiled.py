"""How the kernel is compiled: once, kept on disk, without the GIL.

numba keeps the code of a function until the file that holds it changes, though code of other files is
compiled into it. So the folder it keeps them in is named after the content of all files of the kernel.
"""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import numba
from numba.core import config

_Function = TypeVar("_Function", bound=Callable[..., Any])
_HERE = Path(__file__).parent


def _content() -> str:
    digest = sha256()
    for path in (*sorted(_HERE.glob("*.py")), _HERE.parent / "sketch.py"):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


_FOLDER = str(_HERE / "__pycache__" / _content())


def compiled(function: _Function) -> _Function:
    """Compile `function` at its first call."""
    return _jit(function, inline="never")


def inlined(function: _Function) -> _Function:
    """Compile `function` into its callers: passing arrays to another function costs more than a short one."""
    return _jit(function, inline="always")


def _jit(function: _Function, inline: Literal["never", "always"]) -> _Function:
    before = config.CACHE_DIR  # type: ignore[attr-defined]  # numba sets its settings at import
    config.CACHE_DIR = _FOLDER  # type: ignore[attr-defined]
    try:
        return cast("_Function", numba.njit(function, cache=True, nogil=True, inline=inline))
    finally:
        config.CACHE_DIR = before  # type: ignore[attr-defined]
