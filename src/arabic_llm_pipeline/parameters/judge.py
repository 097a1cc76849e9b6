"""Fields of the judge that says which of two candidates answers better."""

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from arabic_llm_pipeline.parameters.base import Settings, neutral

PLACES = ("{question}", "{first}", "{second}")


class JudgeSettings(Settings):
    """Who judges, what it is asked, and how often."""

    directory: str | None = Field(
        None, description="A model with a chat template, or a reward model, that judges; null: no directory does."
    )
    address: str | None = Field(
        None, description="Where an OpenAI-compatible interface answers: http://localhost:8000/v1; null: none."
    )
    name: str | None = Field(None, description="The model at the address, as it is called there.")
    key_variable: str = neutral("JUDGE_API_KEY", "Environment variable with the key of the address, if it needs one.")
    items: int = Field(40, description="Answers of each set that are compared, at most; 0: all.", ge=0)
    template: str = Field(
        "هذا سؤال وجوابان. أيّ الجوابين أفضل من حيث الصحة والفائدة وسلامة اللغة؟ أجب بحرف واحد فقط: أ أو ب.\n\n"
        "السؤال:\n{question}\n\nالجواب أ:\n{first}\n\nالجواب ب:\n{second}",
        description="What a judge that reads is asked, with places for {question}, {first} and {second}.",
    )
    timeout_s: float = neutral(60.0, "Seconds after which a request to the address is given up.", gt=0)
    retries: int = neutral(3, "Times that a request which failed is sent again.", ge=0)
    batch_size: int = Field(16, description="Questions at once to a judge in a directory.", ge=1)
    resamples: int = Field(1000, description="Bootstrap resamples for an interval.", ge=100)

    @model_validator(mode="after")
    def _one_judge(self) -> Self:
        if self.directory and self.address:
            raise ValueError("judge.directory and judge.address are both set: one of them judges. Leave one out.")
        if self.address and not self.name:
            raise ValueError("judge.address needs judge.name: what the model is called there.")
        if self.address and urlsplit(self.address).scheme not in {"http", "https"}:
            raise ValueError(f"judge.address={self.address} is no address of the web: begin with http:// or https://.")
        if missing := [place for place in PLACES if place not in self.template]:
            raise ValueError(f"judge.template lacks {', '.join(missing)}: the judge would not see it.")
        return self
