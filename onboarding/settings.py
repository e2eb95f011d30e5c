"""The settings of the reference flow."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.settings import Setting

SETTINGS = (
    Setting(
        "ONBOARDING_LLM_URL",
        "",
        "OpenAI-compatible endpoint, as https://host/v1. Empty: a scripted assistant answers.",
    ),
    Setting("ONBOARDING_LLM_KEY", "", "Key for that endpoint."),
    Setting("ONBOARDING_LLM_MODEL", "gpt-4o-mini", "Model asked for at that endpoint."),
)


@dataclass(frozen=True, slots=True)
class Settings:
    llm_url: str | None  #: None: the scripted assistant
    llm_key: str = field(repr=False)
    llm_model: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        value = {
            setting.name: environ.get(setting.name, "").strip() or setting.default for setting in SETTINGS
        }
        return cls(
            llm_url=value["ONBOARDING_LLM_URL"] or None,
            llm_key=value["ONBOARDING_LLM_KEY"],
            llm_model=value["ONBOARDING_LLM_MODEL"],
        )
