"""What a cell of the drop-off maps says when it is pointed at."""

from analytics.views.heatmap_records import DropOff
from pages._words import count, percent


def title(label: str, cell: DropOff) -> str:
    rate = cell.rate
    if rate.share is None:
        return f"{label}: nobody came"
    still = f", {count(cell.open)} still open" if cell.open else ""
    few = "; too few to tell" if cell.is_few else ""
    return (
        f"{label}: {count(rate.count)} of {count(rate.of)} dropped off, {percent(rate.share)} (95% interval "
        f"{percent(rate.low)} to {percent(rate.high)}){still}{few}"
    )
