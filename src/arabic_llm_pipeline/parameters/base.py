"""What all parameters have in common."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """Base of every parameter model: unknown fields are refused, values do not change after the check."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def neutral(default: Any, description: str, **limits: Any) -> Any:
    """A field that cannot change a result (workers, logging): it does not count in an artifact's fingerprint."""
    return Field(default, description=description, json_schema_extra={"neutral": True}, **limits)
