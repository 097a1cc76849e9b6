"""The kinds of directories: what a killed run leaves goes on by itself, or asks when code changed."""

from arabic_llm_pipeline.artifacts import DirectoryArtifact


class Shards(DirectoryArtifact):
    resumable = "fingerprint"

    def read(self, directory):
        return sorted(directory.glob("shard-*.txt"))


class Model(DirectoryArtifact):
    resumable = "inputs"
