"""Typed parameters, some of them neutral, some nested."""

from pydantic import BaseModel, Field, RootModel


def neutral(default):
    return Field(default, json_schema_extra={"neutral": True})


class Rule(BaseModel):
    on: bool = True
    trace: bool = neutral(False)


class Rules(RootModel[dict[str, Rule]]):
    pass


class Clean(BaseModel):
    min_length: int = 3
    workers: int = neutral(1)
    rules: Rules = Rules({})


class Train(BaseModel):
    steps: int = 5
    rate: float = 0.1
    logging_steps: int = neutral(1)


class Dpo(Train):
    beta: float = 0.1
