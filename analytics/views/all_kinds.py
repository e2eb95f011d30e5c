"""Every kind of view by its name: what REST and the command line offer."""

from collections.abc import Mapping
from typing import Any

from analytics.views.cohorts import COHORTS
from analytics.views.comparison import COMPARISON
from analytics.views.correlation import CORRELATION
from analytics.views.funnel import FUNNEL
from analytics.views.heatmap import HEATMAP
from analytics.views.kinds import ViewKind
from analytics.views.realtime import REALTIME
from analytics.views.recommendations import RECOMMENDATIONS
from analytics.views.time_to_convert import TIME_TO_CONVERT
from analytics.views.trend import TREND

KINDS: Mapping[str, ViewKind[Any]] = {
    kind.name: kind
    for kind in (
        FUNNEL,
        HEATMAP,
        COHORTS,
        COMPARISON,
        TREND,
        TIME_TO_CONVERT,
        REALTIME,
        CORRELATION,
        RECOMMENDATIONS,
    )
}
