"""Fields of what looks for what a text should not hold."""

from typing import Literal

from pydantic import Field

from arabic_llm_pipeline.parameters.base import Settings

Policy = Literal["keep", "mask", "drop"]


class PiiSettings(Settings):
    """What is done to personal data in documents and pairs: keep; mask, by a word in brackets; drop the record."""

    email: Policy = Field("keep", description="Mail addresses; text.emails takes them out before, unless it says keep.")
    url: Policy = Field("keep", description="Web addresses; text.urls takes them out before, unless it says keep.")
    phone: Policy = Field("mask", description="Telephone numbers of Arab countries, by their numbering plans.")
    iban: Policy = Field("mask", description="Bank accounts with a right checksum (ISO 13616, modulo 97).")
    national_id: Policy = Field(
        "mask",
        description="Numbers of persons of Saudi Arabia, the Emirates, Kuwait, Egypt, by their check digit or date.",
    )
    ip: Policy = Field("keep", description="Internet addresses, versions 4 and 6; numbers of versions look the same.")
