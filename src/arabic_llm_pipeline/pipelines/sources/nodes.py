"""The step that looks at the sources."""

from typing import Any

from arabic_llm_pipeline.corpus.sources import FoundFiles
from arabic_llm_pipeline.parameters.engine import IngestSettings
from arabic_llm_pipeline.parameters.sources import Sources

MB = 1 << 20


def check_sources(files: FoundFiles, sources: Sources, settings: IngestSettings) -> list[dict[str, Any]]:
    """Read the beginning of every file: what is there, and what its records look like."""
    from arabic_llm_pipeline.corpus.check import check

    return check(sources, files, settings.check_records, int(settings.max_line_mb * MB))
