"""Answers that hold as long as the store stays at one version: for what every rerun of a page asks again."""

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

MAX_ANSWERS = 64
_Answer = TypeVar("_Answer")


class Remembered:
    """The newest MAX_ANSWERS answers of one version. Two threads that ask at once both compute."""

    def __init__(self) -> None:
        self._version = -1
        self._answers: dict[Hashable, Any] = {}
        self._lock = threading.Lock()

    def get(self, version: int, key: Hashable, compute: Callable[[], _Answer]) -> _Answer:
        with self._lock:
            if version != self._version:
                self._version = version
                self._answers.clear()
            if key in self._answers:
                found: _Answer = self._answers[key]
                return found
        answer = compute()
        with self._lock:
            if version == self._version:
                while len(self._answers) >= MAX_ANSWERS:
                    del self._answers[next(iter(self._answers))]
                self._answers[key] = answer
        return answer
