"""An exported model on the Hugging Face hub; the token comes from the environment and is told to nobody."""

import os
from pathlib import Path
from typing import Any

from arabic_llm_pipeline.common.errors import UserError, first_line

TOKEN = "HF_TOKEN"  # noqa: S105  the name of the variable
LEFT_HERE = ("artifact.json",)  # of this project's catalog


def push(directory: Path, repository: str, private: bool) -> dict[str, Any]:
    """Upload a directory in one commit.

    Args:
        directory: of an exported model.
        repository: owner/name; it is made if it is not there.
        private: whether it is then private.

    Returns:
        repository, commit, url, files.

    Raises:
        UserError: there is no token, or the hub refuses.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    token = os.environ.get(TOKEN)
    if not token:
        raise UserError(f"export.push_to={repository}: set {TOKEN} to a token of the hub that may write there.")
    api = HfApi(token=token)
    files = sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())
    try:
        api.create_repo(repository, private=private, exist_ok=True)
        done = api.upload_folder(
            repo_id=repository,
            folder_path=directory,
            ignore_patterns=list(LEFT_HERE),
            commit_message="Model exported by arabic-llm-pipeline",
        )
    except (HfHubHTTPError, OfflineModeIsEnabled, OSError) as error:
        said = first_line(error).replace(token, "...")
        raise UserError(
            f"export.push_to={repository}: the hub did not take it: {said}. The model is whole in {directory}; see "
            f"that the name is right and that {TOKEN} may write there, then run again."
        ) from None
    sent = [name for name in files if name not in LEFT_HERE]
    return {"repository": repository, "commit": done.oid, "url": str(done.commit_url), "files": sent}
