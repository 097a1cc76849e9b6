"""Fields that the training of any text classifier has: texts with labels in, weights out."""

from pydantic import Field

from arabic_llm_pipeline.parameters.base import Settings
from arabic_llm_pipeline.parameters.sources import SourceSettings


class LabelledSource(SourceSettings):
    """A source of texts whose class is known."""

    weight: float = Field(1.0, description="What a text of it counts beside those of other sources.", gt=0)
    test: float = Field(0.0, description="Share of its texts that is only tested on; 1: all of them.", ge=0, le=1)


class ClassifierSettings(Settings):
    """How texts are cut and parted, and weights fitted to them."""

    licences: list[str] = Field(
        default_factory=list,
        description="Train only on sources of these licences, test on all; empty: train on all.",
    )
    piece_words: int = Field(60, description="Longer texts are cut; the model meets short ones, too.", ge=5)
    pieces: int = Field(2, description="Pieces that are taken of one text at most.", ge=1)
    near: float = Field(
        0.5,
        description="A text with this share of its word triples in one that is tested on is not trained on.",
        gt=0,
        le=1,
    )
    dev: float = Field(0.1, description="Share of the texts not tested on that scores are calibrated with.", gt=0, lt=1)
    bits: int = Field(
        18, description="Features are hashed into 2 to this power buckets of a byte a class.", ge=8, le=24
    )
    cost: float = Field(1.0, description="C of the machine: higher fits the training texts closer.", gt=0)
    word_weight: float = Field(0.5, description="What words count beside character n-grams.", gt=0)
    min_texts: int = Field(2, description="Features of fewer texts are left out.", ge=1)
    divergence: float = Field(
        0.5,
        description="0: features count by how rare they are; above: also by this power of what they tell of classes.",
        ge=0,
        le=2,
    )
    balance: float = Field(
        0.5, description="0: classes count by their texts; 1: all the same; between: by a power.", ge=0, le=1
    )
    bayes: float = Field(
        0.0,
        description="0: linear machines alone; above: naive Bayes with so much smoothing is blended in, as "
        "the texts of `dev` tell how much.",
        ge=0,
    )
    rounds: int = Field(12, description="Rounds over the training texts at most.", ge=1)
    seed: int = Field(0, description="Of the order of texts, and of the choice of what is tested on.")
