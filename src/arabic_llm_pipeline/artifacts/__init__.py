"""`kedro run` as make: what is there under its fingerprint is linked, the rest is made. Knows nothing of Arabic."""

from arabic_llm_pipeline.artifacts.dataset import Artifact, DirectoryArtifact
from arabic_llm_pipeline.artifacts.file import FileArtifact
from arabic_llm_pipeline.artifacts.work import Workspace

__all__ = ["Artifact", "DirectoryArtifact", "FileArtifact", "Workspace"]
