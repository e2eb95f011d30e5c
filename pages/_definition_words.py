"""The rules of counting as the editor says them beside each control."""

from collections.abc import Mapping

from analytics.conditions import OPERATORS

ORDERS: Mapping[str, str] = {
    "ordered": "The steps happen in this order; other events may lie between them.",
    "strict": "In this order with nothing between: any other event of the session breaks the chain.",
    "unordered": "In any order: what counts is how many different steps happen inside one window.",
}
TITLE = "What people read in the list of funnels."
NAME = (
    "The key in addresses, on the command line and in REST. Made from the title unless you write one; "
    "it cannot change once the funnel is saved."
)
WINDOW = (
    "The longest time from entry to the last step, the last second included. Later steps count up to the end "
    "of the window even past the end of the period that is looked at."
)
EVENTS = (
    "Any one of these events is the step. One event serves one step: a step listed twice needs two events. "
    "Of several, the earliest after the step before counts. A name that is not in the list can be typed."
)
ANY_EVENT = "Whatever happens next in the session is this step."
LABEL = "What charts call the step. Empty: the names of its events."
OPTIONAL = "May be skipped: those who go on without it still count at the later steps. Not the first step."
FILTERS = (
    "All must hold on the event itself. Values compare as text; what denies holds for a missing value too, "
    "and what compares numbers fails for anything that is no number."
)
EXCLUSIONS = (
    "A session in which such an event lies strictly between the two steps is taken out of the funnel, unless "
    "another chain of it went as far without. At the same moment as a step, it is ignored."
)
EXCLUSIONS_UNORDERED = (
    "In an unordered funnel an exclusion spans the whole funnel and only undoes the steps made so far."
)
DIMENSIONS = (
    "What this funnel offers first to filter and break down by: the first non-empty value in the session. "
    "Every other property can still be chosen on the Funnel page."
)
BANDS = "Rising numbers, separated by commas: 5000, 10000 makes three bands. Empty: each value for itself."
PASTE = "Takes the place of everything in the editor; nothing is saved by it."
OPERATOR_NAMES: Mapping[str, str] = {
    **{name: operator.words for name, operator in OPERATORS.items()},
    "in": "is one of",
    "not_in": "is none of",
}
