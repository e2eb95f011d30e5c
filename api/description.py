"""How routes are described: what they answer, with an example, and what they can be asked."""

from collections.abc import Mapping
from typing import Any

from api.examples import example
from api.problems import described


def answers(record: type[Any], name: str, *refusals: int) -> dict[int | str, dict[str, Any]]:
    """An answer of this record, shown by the example `name`; any refusal, and those named besides."""
    content = {"application/json": {"example": example(name)}}
    found = {"model": record, "description": (record.__doc__ or "").strip(), "content": content}
    return {200: found, **described(*refusals)}


def parameters(meanings: Mapping[str, str]) -> dict[str, Any]:
    """Parameters of the address that a route reads for itself."""
    return {
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": False,
                "description": meaning,
                "schema": {"type": "string"},
            }
            for name, meaning in meanings.items()
        ]
    }
