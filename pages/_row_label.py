"""The label of a button in a row: a short word to see, and what it is about for those who hear the page."""

import re

_MARKDOWN = re.compile(r"([!-/:-@\[-`{-~])")


def row_label(word: str, about: str) -> str:
    """Without `about`, the buttons of all rows would have one name. The style sheet takes it out of sight."""
    hidden = _MARKDOWN.sub(r"\\\1", about)
    return f"{word} :gray[{hidden}]"
