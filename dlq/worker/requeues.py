"""How often this worker sent each task back to its queue; the broker keeps no such count."""

from collections import OrderedDict

_REMEMBERED = 10_000


class Requeues:
    """Counts by task id. Beyond 10,000 tasks the one that was sent back longest ago is forgotten."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, int] = OrderedDict()

    def count(self, task_id: str) -> int:
        """Note one more and return how many it has been."""
        count = self._counts.pop(task_id, 0) + 1
        self._counts[task_id] = count
        if len(self._counts) > _REMEMBERED:
            self._counts.popitem(last=False)
        return count

    def forget(self, task_id: str) -> None:
        self._counts.pop(task_id, None)
