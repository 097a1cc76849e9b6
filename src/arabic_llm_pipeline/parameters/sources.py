"""Sources: which files hold what, and how their columns become records. A new data set needs YAML, no code."""

import codecs
import re
from typing import Any, Generic, Literal, Self, TypeVar

from pydantic import Field, RootModel, field_validator, model_validator

from arabic_llm_pipeline.common.remote import is_url, secret_in, shown
from arabic_llm_pipeline.parameters.base import Settings
from arabic_llm_pipeline.parameters.shapes import FIELDS, NEEDED, SHAPES, TASKS, Column, RecordKind, Shape, Use

Format = Literal[
    "bactrian_x", "oasst", "mediawiki", "wikipedia", "jsonl", "json", "csv", "tsv", "parquet", "arrow", "text"
]
Dialect = Literal["MSA", "EGY", "GLF", "LEV", "MGR", "unknown"]
MAPPED = ("jsonl", "json", "csv", "tsv", "parquet", "arrow")  # formats whose columns have to be named
NO_LICENCE = frozenset({"", "-", "?", "n/a", "na", "none", "null", "tbd", "todo"})  # written where one had to be
OF_RECORDS: dict[str, tuple[str, ...]] = {  # fields that only some kinds of records have a use for
    "chosen": ("pair",),
    "first_label": ("item", "multiple_choice"),
    "labels": ("feedback", "classification"),
    "good_from": ("feedback",),
    "bad_to": ("feedback",),
    "between": ("translation",),
    "direction": ("translation",),
    "no_answer": ("question_answering",),
    "use": TASKS,
    "family_pattern": ("item", *TASKS),
}
OF_OASST = ("pairs", "branches", "reviewed", "min_quality")


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
    use: Use | None = Field(
        None,
        description="question_answering, multiple_choice, classification, translation: whether rows become "
        "instructions to train on, or items that a model is measured with.",
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
    delimiter: str | None = Field(
        None,
        description="csv, tsv: between cells, such as ; in place of comma or tab; quotes mean something in csv only.",
        min_length=1,
        max_length=1,
    )
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
        "0",
        description="Items, multiple_choice: how the label calls the first choice: 0, 1, A, or alif (alif, beh, jeem).",
        pattern="^[0-9A-Za-z\u0623\u0627]$",
    )
    labels: dict[str, str] = Field(
        default_factory=dict,
        description="What the label's values mean: classification: the words that a model is to say; feedback: good "
        "or bad, where they are not told by themselves (true, 1, thumbs).",
    )
    good_from: float | None = Field(None, description="Feedback by ratings: from which one an answer is good.")
    bad_to: float | None = Field(
        None, description="Feedback by ratings: up to which one an answer is bad, those between left out; none: all."
    )
    between: tuple[str, str] | None = Field(
        None, description="Translation: what the prompt calls the languages of `text` and `translation`."
    )
    direction: Literal["forward", "backward", "both"] = Field(
        "forward", description="Translation: of `text` into `translation`, the other way, or each way a record."
    )
    no_answer: str | None = Field(
        None,
        description="question_answering: what to say where the context has no answer; none: such questions are "
        "items without an accepted answer, and left out of what is trained on.",
    )
    articles: Literal["prose", "questions"] = Field(
        "prose",
        description="Prose with a title: as it is, or a question about the title and its beginning as the answer.",
    )
    languages: list[str] = Field(
        default_factory=list,
        description="Languages to keep, as ISO 639 has them (ar, arz): by the column `lang`, by oasst's own, or, where "
        "there is none, by the script that most letters are of; all of them, if none is named.",
    )
    branches: Literal["best", "all"] = Field(
        "best", description="oasst: of each tree the conversation of the best ranked answers, or one for each ending."
    )
    reviewed: bool = Field(False, description="oasst: only messages that reviewers have passed.")
    pairs: bool = Field(False, description="oasst: make preference pairs of answers that people ranked.")
    min_quality: float | None = Field(
        None, description="oasst: drop messages whose quality label is lower.", ge=0, le=1
    )
    split: Literal["train", "dev", "test"] | None = Field(None, description="The split of every record; none: by hash.")
    dialect: Dialect | None = Field(None, description="The dialect of every record, where it is known; none: tagged.")
    task: str | None = Field(None, description="Items: the task they belong to.")
    family: str | None = Field(None, description="Items: the template family they belong to; none: the task.")
    family_pattern: str | None = Field(
        None,
        description="Items: a regular expression; its first group in a record's id is the family: ^(.*)-[0-9]+$ of "
        "Biology-17.",
    )
    limit: int | None = Field(None, description="Take at most so many records of each kind.", gt=0)
    seed: int | None = Field(
        None, description="Draw the `limit` records from all of the source by this seed; none: take the first ones."
    )
    rank: int = Field(
        0, description="Of equal records of several sources, that of the lowest rank stays; then the first by name."
    )

    @model_validator(mode="before")
    @classmethod
    def _shaped(cls, value: Any) -> Any:
        if not isinstance(value, dict) or value.get("shape") not in SHAPES:
            return value
        record, columns = SHAPES[value["shape"]]
        if value.get("record", record) != record:
            raise ValueError(f"shape {value['shape']} makes a {record}: leave `record` out")
        return {**value, "record": record, "columns": {**columns, **value.get("columns", {})}}

    @field_validator("labels", "chosen", "dialects", mode="before")
    @classmethod
    def _named(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values  # YAML reads 1 and true as what they are
        return {str(name).lower() if isinstance(name, bool) else str(name): value for name, value in values.items()}

    @field_validator("licence")
    @classmethod
    def _said(cls, licence: str) -> str:
        if licence.strip().casefold() in NO_LICENCE:
            raise ValueError("no licence is named; where it is not known, say so: unknown")
        return licence.strip()

    @field_validator("encoding")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            return codecs.lookup(name).name
        except LookupError:
            raise ValueError(f"there is no encoding {name!r}; Python knows utf-8, cp1256, iso8859-6, utf-16") from None

    @field_validator("family_pattern")
    @classmethod
    def _names_a_group(cls, pattern: str | None) -> str | None:
        try:
            groups = re.compile(pattern).groups if pattern is not None else 1
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
        if not groups:
            raise ValueError(f"{pattern!r} has no group: put what is the family into parentheses")
        return pattern

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

    @model_validator(mode="after")
    def _options_fit(self) -> Self:
        for name in sorted(self.model_fields_set):
            if self.record not in (kinds := OF_RECORDS.get(name, (self.record,))):
                raise ValueError(f"`{name}` is of records of {', '.join(kinds)}, not of {self.record}")
            if name in OF_OASST and self.format != "oasst":
                raise ValueError(f"`{name}` is of format oasst, not of {self.format}")
        if self.delimiter and self.format not in ("csv", "tsv"):
            raise ValueError(f"`delimiter` is of csv and tsv, and format {self.format} has none")
        if self.seed is not None and self.limit is None:
            raise ValueError("`seed` draws `limit` records: say how many")
        _check_task(self)
        _check_feedback(self)
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
    if source.use == "evaluation":
        needed.add("task")
    if absent := sorted(needed - given):
        raise ValueError(f"a {source.record} needs {', '.join(absent)}: name its column in `columns`")


def _check_task(source: SourceSettings) -> None:
    """What the kinds that are training or evaluation have to say."""
    if source.record in TASKS and source.use is None:
        raise ValueError(f"{source.record} can be trained on or measured with: say use: training, or use: evaluation")
    if source.record == "classification" and not source.labels:
        raise ValueError("classification needs `labels`: the value of each class -> the word for it")
    names = any(place in (source.template or "{from}") for place in ("{from}", "{to}"))
    if source.record == "translation" and names and not source.between:
        raise ValueError("translation needs `between`: what a prompt calls the two languages")
    if source.direction == "both" and not source.split:
        raise ValueError("`direction: both` needs a `split`: a hash could part the two ways of one text")


def _check_feedback(source: SourceSettings) -> None:
    """Labels of feedback are good or bad, by one rule."""
    if source.record != "feedback":
        return
    if unknown := sorted({*source.labels.values()} - {"good", "bad"}):
        raise ValueError(f"feedback is good or bad: `labels` says {unknown[0]!r}")
    if source.labels and source.good_from is not None:
        raise ValueError("`labels` and `good_from` both say what is good: leave one out")
    if source.bad_to is not None and (source.good_from is None or source.bad_to >= source.good_from):
        raise ValueError("`bad_to` is a rating below `good_from`")


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
        """The sources that are not removed, in the order of their ranks and names."""
        found = {name: source for name, source in sorted(self.root.items()) if source is not None}
        return dict(sorted(found.items(), key=lambda one: one[1].rank))


class Sources(NamedSources[SourceSettings]):
    """All sources of the corpus."""
