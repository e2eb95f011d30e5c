"""What a person who is restricted to clients sees and changes: letters of these clients, and of no others.

A letter without a client belongs to nobody who is restricted. What is one for all clients, such as a group's
note or a paused queue, is left to those who see all of them.
"""

from dataclasses import replace

from dlq.access import Actor
from dlq.errors import ConcernsEveryClient
from dlq.queries import LetterFilter


def visible(by: Actor, narrowed: LetterFilter) -> LetterFilter:
    """The filter, narrowed to the letters that the person may see; never widened."""
    if by.clients is None:
        return narrowed
    asked = by.clients if narrowed.clients is None else by.clients.intersection(narrowed.clients)
    return replace(narrowed, clients=tuple(sorted(asked)))


def require_every_client(by: Actor) -> None:
    """Raise ConcernsEveryClient for a person who sees only some."""
    if by.clients is not None:
        raise ConcernsEveryClient(by.login)
