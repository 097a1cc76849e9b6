"""What is kept on disk."""

from arabic_llm_pipeline.parameters.base import Settings, neutral


class ArtifactsSettings(Settings):
    """Pruning, at the end of every successful run; nothing that an experiment's link names ever goes."""

    keep: int = neutral(2, "How many artifacts of an entry stay that no experiment names, those used last.", ge=0)
    unfinished_days: float = neutral(
        14.0, "Days that unfinished work (shards, checkpoints) stays for a run to go on with.", ge=0
    )
