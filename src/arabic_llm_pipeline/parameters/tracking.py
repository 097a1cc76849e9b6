"""Fields of where a training's figures go beside its log."""

from typing import Literal

from arabic_llm_pipeline.parameters.base import Settings, neutral

Tracker = Literal["tensorboard", "mlflow", "wandb"]


class TrackingSettings(Settings):
    """Who else gets the row of every step. Nothing of it changes a result."""

    to: tuple[Tracker, ...] = neutral(
        ("tensorboard",), "tensorboard, mlflow, wandb; the latter two are extras that are installed apart."
    )
    directory: str = neutral(
        "data/09_tracking", "Folder of their files: TensorBoard's by stage and fingerprint, the others' beside them."
    )
    project: str = neutral("arabic-llm-pipeline", "Project (wandb) or experiment (mlflow).")
    wandb_mode: Literal["offline", "online"] = neutral(
        "offline", "offline: files only, `wandb sync` sends them later; online: sent while it trains."
    )
    mlflow_uri: str | None = neutral(None, "Of an mlflow server; null: a database in the folder above.")
