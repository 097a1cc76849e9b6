"""The project's commands: those of the real one."""

from arabic_llm_pipeline.cli import cli  # noqa: F401
