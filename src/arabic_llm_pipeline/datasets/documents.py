"""Corpora as catalog entries: a directory of parquet shards in, a handle out."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kedro_datasets._typing import TablePreview

from arabic_llm_pipeline.artifacts import DirectoryArtifact

if TYPE_CHECKING:
    from arabic_llm_pipeline.corpus.shards import ShardSet

SHOWN_ROWS, SHOWN_CHARACTERS = 10, 200


class Shards(DirectoryArtifact):
    """Records in shards; a node that makes them goes on at the shard where a killed run stopped."""

    resumable = "fingerprint"

    def read(self, directory: Path) -> "ShardSet":
        """A handle: rows are read when they are asked for."""
        from arabic_llm_pipeline.corpus.shards import ShardSet

        return ShardSet(directory)

    def preview(self, nrows: int = SHOWN_ROWS) -> TablePreview:
        """The first rows, long texts cut, for kedro viz."""
        frame = self.load().scan().head(nrows).collect()
        rows = [[_short(value) for value in row] for row in frame.iter_rows()]
        return TablePreview({"index": list(range(len(rows))), "columns": frame.columns, "data": rows})


def _short(value: Any) -> Any:
    """A cell as a table shows it: messages as `role: text`, structures by their fields, no more than fits."""
    if isinstance(value, list):
        value = "\n".join(str(_short(one)) for one in value)
    elif isinstance(value, dict):
        value = (
            f"{value['role']}: {value['content']}"
            if "role" in value
            else ", ".join(f"{k} {v}" for k, v in value.items())
        )
    return f"{value[:SHOWN_CHARACTERS]}..." if isinstance(value, str) and len(value) > SHOWN_CHARACTERS else value
