"""What all parameters have in common."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """Base of every parameter model: unknown fields are refused, values do not change after the check."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def neutral(default: Any, description: str, but: tuple[str, ...] = (), **limits: Any) -> Any:
    """A field that cannot change a result (workers, logging): it does not count in an artifact's fingerprint.

    `but` are values that count all the same, where others are places of what is told apart by its content.
    """
    return Field(default, description=description, json_schema_extra={"neutral": True, "but": list(but)}, **limits)
