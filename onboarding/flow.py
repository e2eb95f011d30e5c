"""The funnel over the flow's own events."""

from analytics.funnels import FunnelDefinition, Step
from onboarding.sessions import Stage

FUNNEL = FunnelDefinition(
    name="onboarding",
    title="Onboarding",
    steps=(
        Step(label="Started", events=(Stage.STARTED,)),
        Step(label="Engaged", events=(Stage.ENGAGED,)),
        Step(label="Recommendations generated", events=(Stage.RECOMMENDATIONS_GENERATED,)),
        Step(label="Approval decision", events=(Stage.APPROVAL_DECISION,)),
        Step(label="Completed", events=(Stage.COMPLETED,)),
    ),
    window_seconds=14 * 86400,
)
