"""Fields of settings that cannot change a result, as `parameters.base.neutral` marks them."""

from typing import Any


def is_neutral(field: Any, value: Any) -> bool:
    """Whether a field of a pydantic model with this value cannot change a result."""
    extra = field.json_schema_extra
    return isinstance(extra, dict) and bool(extra.get("neutral")) and value not in extra.get("but", ())
