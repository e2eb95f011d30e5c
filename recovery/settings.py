"""The settings of the dashboard's own words. `SETTINGS` is the whole list."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.settings import Setting

SETTINGS = (
    Setting(
        "WORDING_LLM_URL",
        "",
        "OpenAI-compatible endpoint that rewords recommendations, as https://host/v1. Empty: none is asked.",
    ),
    Setting("WORDING_LLM_KEY", "", "Key for that endpoint."),
    Setting("WORDING_LLM_MODEL", "gpt-4o-mini", "Model asked for at that endpoint."),
)


@dataclass(frozen=True, slots=True)
class Settings:
    wording_url: str | None  #: None: recommendations keep the words they were computed with
    wording_key: str = field(repr=False)
    wording_model: str

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        value = {
            setting.name: environ.get(setting.name, "").strip() or setting.default for setting in SETTINGS
        }
        return cls(
            wording_url=value["WORDING_LLM_URL"] or None,
            wording_key=value["WORDING_LLM_KEY"],
            wording_model=value["WORDING_LLM_MODEL"],
        )
