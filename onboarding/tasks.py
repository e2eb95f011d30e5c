"""The three tasks of the flow. Each may run twice: every step moves a session once, whoever runs it.

None catches anything: what is tried again, and when, follows from the category of the error (`base_task.py`).
"""

from functools import cache
from typing import Any

from celery import shared_task
from sqlalchemy import Connection

from onboarding import assistant, faults, sessions
from onboarding.assistant import Assistant, OpenAIAssistant, ScriptedAssistant
from onboarding.base_task import (
    ASSISTANT,
    OnboardingBaseTask,
    OnboardingDatabaseTask,
    OnboardingLLMTask,
)
from onboarding.sessions import Session, Stage
from onboarding.settings import Settings


@shared_task(
    bind=True, base=OnboardingLLMTask, name="onboarding.process_conversation_step_v2", idempotent=True
)
def process_conversation_step_v2(self: OnboardingLLMTask, session_id: str, message: str) -> dict[str, Any]:
    """Answer a person's message with recommendations, and have them validated."""
    session = self.with_transaction(lambda connection: _engage(self, connection, session_id, message))
    if session.stage == Stage.ENGAGED:
        recommendations = _recommend(self, session, message)
        self.with_transaction(
            lambda connection: sessions.advance(
                connection,
                session_id,
                Stage.RECOMMENDATIONS_GENERATED,
                at=self.now(),
                leaving={"recommendations": recommendations},
            )
        )
    send(validate_recommendations_v2, session, correlation_id=self.get_correlation_id())
    return self.task_success(session_id=session_id)


@shared_task(
    bind=True, base=OnboardingDatabaseTask, name="onboarding.validate_recommendations_v2", idempotent=True
)
def validate_recommendations_v2(self: OnboardingDatabaseTask, session_id: str) -> dict[str, Any]:
    """Keep the recommendations that can be shown to the person, without repetitions."""

    def validate(connection: Connection) -> int:
        offered = sessions.get(connection, session_id).checkpoint["recommendations"]
        usable = list({one["title"].strip(): one for one in offered if one["title"].strip()}.values())
        sessions.keep(connection, session_id, validated=usable)
        return len(usable)

    count = self.with_transaction(validate)
    return self.task_success(session_id=session_id, recommendations=count)


@shared_task(
    bind=True,
    base=OnboardingDatabaseTask,
    name="onboarding.apply_approved_recommendations_v2",
    idempotent=True,
)
def apply_approved_recommendations_v2(self: OnboardingDatabaseTask, session_id: str) -> dict[str, Any]:
    """Apply what the person approved, which completes the flow."""

    def apply(connection: Connection) -> int:
        approved = sessions.get(connection, session_id).checkpoint["validated"]
        sessions.advance(
            connection,
            session_id,
            Stage.COMPLETED,
            at=self.now(),
            leaving={"applied": [one["title"] for one in approved]},
        )
        return len(approved)

    count = self.with_transaction(apply)
    return self.task_success(session_id=session_id, applied=count)


def send(task: OnboardingBaseTask, session: Session, *arguments: str, correlation_id: str) -> None:
    """Queue `task` for a session, with the headers by which its dead letter finds the session again."""
    task.apply_async(
        (session.id, *arguments),
        headers={"session_id": session.id, "client_id": session.client_id, "correlation_id": correlation_id},
    )


def _engage(task: OnboardingBaseTask, connection: Connection, session_id: str, message: str) -> Session:
    sessions.advance(connection, session_id, Stage.ENGAGED, at=task.now(), leaving={"message": message})
    return sessions.get(connection, session_id)


def _recommend(task: OnboardingBaseTask, session: Session, message: str) -> list[dict[str, str]]:
    model = _assistant(task)
    answer = task.safe_execute(
        lambda: model.recommend(session.id, session.kind, message), dependency=ASSISTANT
    )
    return assistant.parse(model.model, answer)


@cache
def _assistant(task: OnboardingBaseTask) -> Assistant:
    settings = Settings.from_env()
    if settings.llm_url:
        return OpenAIAssistant(settings)
    return ScriptedAssistant(
        times_out=lambda session_id: faults.hits(
            faults.find(task.engine, faults.ASSISTANT_TIMEOUT), session_id
        )
    )
