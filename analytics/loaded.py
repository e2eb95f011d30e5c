"""Partitions in memory, the least recently used given up beyond a number of bytes."""

import threading
from collections import OrderedDict
from collections.abc import Sequence

from analytics.catalogue import StoredFile
from analytics.partition import Partition
from analytics.store import EventStore


class Loaded:
    def __init__(self, store: EventStore, most_bytes: int) -> None:
        self._store = store
        self._most_bytes = most_bytes
        self._held_bytes = 0
        self._partitions: OrderedDict[str, Partition] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, path: str) -> Partition:
        """Raises FileNotFoundError when the file was swept after the caller read the list."""
        with self._lock:
            if path in self._partitions:
                self._partitions.move_to_end(path)
                return self._partitions[path]
        partition = self._store.partition(path)
        with self._lock:
            self._partitions[path] = partition
            self._held_bytes += partition.nbytes
            self._give_up()
        return partition

    def keep_only(self, live: Sequence[StoredFile]) -> None:
        """Let go of files that no longer count, and weigh the others anew: they grow as columns are read."""
        with self._lock:
            paths = {file.path for file in live}
            for path in [path for path in self._partitions if path not in paths]:
                del self._partitions[path]
            self._held_bytes = sum(partition.nbytes for partition in self._partitions.values())
            self._give_up()

    def _give_up(self) -> None:
        while self._held_bytes > self._most_bytes and self._partitions:
            self._held_bytes -= self._partitions.popitem(last=False)[1].nbytes
