"""Sources: which files hold what, and how their columns become records. A new data set needs YAML, no code."""

import codecs
from typing import Any, Generic, Literal, Self, TypeVar

from pydantic import Field, RootModel, field_validator, model_validator

from arabic_llm_pipeline.common.remote import is_url, secret_in, shown
from arabic_llm_pipeline.parameters.base import Settings

Format = Literal[
    "bactrian_x", "oasst", "mediawiki", "wikipedia", "jsonl", "json", "csv", "tsv", "parquet", "arrow", "text"
]
RecordKind = Literal["document", "instruction", "conversation", "pair", "item"]
Shape = Literal["alpaca", "prompt_completion", "messages", "sharegpt", "preference"]
Dialect = Literal["MSA", "EGY", "GLF", "LEV", "MGR", "unknown"]
Column = str | int

MAPPED = ("jsonl", "json", "csv", "tsv", "parquet", "arrow")  # formats whose columns have to be named
ABOUT = ("id", "dialect", "lang", "split", "system")
FIELDS: dict[str, tuple[str, ...]] = {
    "document": (*ABOUT, "text", "title", "url"),
    "instruction": (*ABOUT, "instruction", "input", "output", "title", "url"),
    "conversation": (*ABOUT, "messages", "title", "url"),
    "pair": (*ABOUT, "prompt", "chosen", "rejected", "margin", "first", "second", "label"),
    "item": (*ABOUT, "prompt", "choices", "answers", "label", "passage", "task", "family"),
}
NEEDED: dict[str, tuple[str, ...]] = {
    "document": ("text",),
    "instruction": ("instruction", "output"),
    "conversation": ("messages",),
    "pair": ("prompt",),
    "item": ("prompt", "task"),
}
# What the usual shapes of fine-tuning data call their columns: Stanford Alpaca's, TRL's dataset formats, and ShareGPT
# exports. Texts may be lists of turns wherever TRL has them so ("conversational").
SHAPES: dict[str, tuple[RecordKind, dict[str, Column | list[Column]]]] = {
    "alpaca": ("instruction", {"instruction": "instruction", "input": "input", "output": "output", "system": "system"}),
    "prompt_completion": ("instruction", {"instruction": "prompt", "output": "completion"}),
    "messages": ("conversation", {"messages": "messages"}),
    "sharegpt": ("conversation", {"messages": "conversations", "system": "system"}),
    "preference": ("pair", {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"}),
}


class SourceSettings(Settings):
    """One source: its files, their format, and what a row of them means."""

    format: Format = Field(
        description="How the files are written; compression (.gz .bz2 .xz .zst) is told by their names."
    )
    path: str | list[str] = Field(
        description="Files of the source: a path, glob or URL, or several; paths start from `data_root`."
    )
    licence: str = Field(description="Licence of the source; each record carries it.", min_length=1)
    record: RecordKind = Field(
        "document", description="What a row becomes, in the formats whose columns are named here."
    )
    shape: Shape | None = Field(
        None, description="Columns as a usual shape names them, and the record they make; `columns` may rename some."
    )
    each: str | None = Field(
        None,
        description="json, jsonl: path of nested lists whose elements are the rows (`data.paragraphs.qas`); fields of "
        "what is around them are theirs, too.",
        min_length=1,
    )
    columns: dict[str, Column | list[Column]] = Field(
        default_factory=dict,
        description="Field of the record -> column: name, position from 0, path (`answers.text`), or list of columns.",
    )
    encoding: str = Field(
        "utf-8",
        description="Of json, jsonl, csv, tsv and text, such as cp1256; UTF-16 with a byte order mark needs none.",
    )
    header: bool = Field(True, description="csv, tsv: the first line names the columns.")
    template: str | None = Field(None, description="The prompt, with {column} where a column's text goes.")
    constants: dict[str, str] = Field(default_factory=dict, description="Fields that are the same in every record.")
    dialects: dict[str, Dialect] = Field(
        default_factory=dict,
        description="What the source's dialect column calls them -> our name; others are rejected.",
    )
    chosen: dict[str, Literal["first", "second"]] = Field(
        default_factory=dict, description="Pairs of two texts: the label's value -> which text is the better one."
    )
    first_label: str = Field(
        "0", description="Items: how the label calls the first choice (0, 1 or A).", pattern="^[0-9A-Za-z]$"
    )
    articles: Literal["prose", "questions"] = Field(
        "prose",
        description="Prose with a title: as it is, or a question about the title and its beginning as the answer.",
    )
    languages: list[str] = Field(
        default_factory=list, description="oasst: languages to keep; all of them, if none is named."
    )
    pairs: bool = Field(False, description="oasst: make preference pairs of answers that people ranked.")
    min_quality: float | None = Field(
        None, description="oasst: drop messages whose quality label is lower.", ge=0, le=1
    )
    split: Literal["train", "dev", "test"] | None = Field(None, description="The split of every record; none: by hash.")
    dialect: Dialect | None = Field(None, description="The dialect of every record, where it is known; none: tagged.")
    task: str | None = Field(None, description="Items: the task they belong to.")
    family: str | None = Field(None, description="Items: the template family they belong to; none: the task.")
    limit: int | None = Field(None, description="Take at most so many records of each kind.", gt=0)

    @model_validator(mode="before")
    @classmethod
    def _shaped(cls, value: Any) -> Any:
        if not isinstance(value, dict) or value.get("shape") not in SHAPES:
            return value
        record, columns = SHAPES[value["shape"]]
        if value.get("record", record) != record:
            raise ValueError(f"shape {value['shape']} makes a {record}: leave `record` out")
        return {**value, "record": record, "columns": {**columns, **value.get("columns", {})}}

    @field_validator("encoding")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            return codecs.lookup(name).name
        except LookupError:
            raise ValueError(f"there is no encoding {name!r}; Python knows utf-8, cp1256, iso8859-6, utf-16") from None

    @field_validator("path")
    @classmethod
    def _tells_no_secret(cls, path: str | list[str]) -> str | list[str]:
        for url in filter(is_url, [path] if isinstance(path, str) else path):
            if secret := secret_in(url):
                raise ValueError(
                    f"{shown(url)} has {secret} in it, and parameters are kept: leave it out, and give credentials as "
                    "the storage takes them (docs/scale.md)"
                )
        return path

    @property
    def paths(self) -> list[str]:
        """The globs, as a list."""
        return [self.path] if isinstance(self.path, str) else self.path

    @model_validator(mode="after")
    def _columns_fit(self) -> Self:
        if self.format in MAPPED:
            _check_fields(self)
        elif self.columns:
            raise ValueError(f"format {self.format} has columns of its own: leave `columns` and `shape` out")
        if self.each and self.format not in ("json", "jsonl"):
            raise ValueError(f"`each` is of nested lists, and format {self.format} has none")
        if self.format == "text" and self.record != "document":
            raise ValueError(f"a line of format text is a document, not a {self.record}")
        return self


def _check_fields(source: SourceSettings) -> None:
    """Every named field exists in that kind of record, and none that it needs is absent."""
    given = {name for name in ("task", "family", "dialect", "split") if getattr(source, name)}
    given |= {*source.columns, *source.constants, *(["prompt", "instruction"] if source.template else [])}
    fields, needed = FIELDS[source.record], set(NEEDED[source.record])
    if unknown := sorted({*source.columns, *source.constants} - set(fields)):
        raise ValueError(f"a {source.record} has no field {unknown[0]!r}; it has {', '.join(fields)}")
    if source.record == "pair":
        needed |= {"first", "second", "label"} if source.chosen else {"chosen", "rejected"}
    if source.record == "item" and not {"answers", "label"} & given:
        needed.add("answers")
    if absent := sorted(needed - given):
        raise ValueError(f"a {source.record} needs {', '.join(absent)}: name its column in `columns`")


Source = TypeVar("Source", bound=SourceSettings)


class NamedSources(RootModel[dict[str, Source | None]], Generic[Source]):
    """Sources by name; an environment adds one, changes one, or removes one by giving null."""

    @model_validator(mode="before")
    @classmethod
    def _names_fit(cls, value: Any) -> Any:
        for name in value if isinstance(value, dict) else ():
            if not str(name).isidentifier():
                raise ValueError(
                    f"source {name!r}: a name is letters, digits and underscores; records carry it in their ids"
                )
        return value

    def chosen(self) -> dict[str, Source]:
        """The sources that are not removed, in the order of their names."""
        return {name: source for name, source in sorted(self.root.items()) if source is not None}


class Sources(NamedSources[SourceSettings]):
    """All sources of the corpus."""
