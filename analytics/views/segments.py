"""What the segments of a breakdown are called, and when each session is in one of them only."""

from analytics.errors import InvalidQuery
from analytics.funnels import FunnelDefinition
from analytics.grouping import band_labels
from analytics.question import JOIN, Question


def segment_label(value: str) -> str:
    return JOIN.join(part or "(missing)" for part in value.split(JOIN))


def check_disjoint(question: Question) -> None:
    """Raise InvalidQuery where a session may be in several segments: then they are not independent groups."""
    attribution = question.attribution
    if attribution == "all_events" or attribution.startswith("step_"):
        raise InvalidQuery("attribution", f"{attribution} puts a session into several segments; use session")


def order_of_bands(definition: FunnelDefinition, breakdown: tuple[str, ...]) -> dict[str, int]:
    """Where the bands of a breakdown by one number stand; empty for any other breakdown."""
    bands = definition.dimension(breakdown[0]).bands if len(breakdown) == 1 else ()
    return {label: at for at, label in enumerate(band_labels(bands))} if bands else {}
