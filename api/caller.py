"""Who calls a route."""

from typing import Annotated

from fastapi import Depends, Request

from infra.access.roles import Person


async def signed_in(request: Request) -> Person:
    """The person the guard found; no route is reached without one."""
    person = request.state.person
    if not isinstance(person, Person):
        raise TypeError("a route was reached past the guard")
    return person


# Asynchronous, as it waits for nothing: a function that is not would cost every request a change of thread.
Caller = Annotated[Person, Depends(signed_in)]
