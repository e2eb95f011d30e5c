"""The slow twin of the engine: the rules of the funnel in plain Python, on plain event records.

`events.py` says which events count for what, `chains.py` which chain of a session counts, `answers.py` who is
in which row and how each session ended. Written to be read beside the rules, not to be fast: a handful of
events per session. Of the package under test it takes only the records of a definition and a question.
"""

from tests.reference.answers import Counted, World, counted
from tests.reference.events import Event

__all__ = ["Counted", "Event", "World", "counted"]
