"""The base model as a pointer: which one it is, to the byte, and where its files lie."""

import hashlib
import json
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from arabic_llm_pipeline.common.errors import UserError, first_line
from arabic_llm_pipeline.common.progress import track
from arabic_llm_pipeline.parameters.model import EMBEDDED, EMBEDDED_PATH, MODEL_FILES, ModelSettings

Pointer = dict[str, Any]
CARD = "README.md"  # says the licence
NOTE = "artifact.json"  # of this project's catalog: how a model was made, and nothing of the model
BLOCK = 1 << 22  # bytes hashed at a time
OTHER_SENSES = (
    "vision_config",
    "audio_config",
    "image_token_id",
    "speech_config",
)  # in configurations of multimodal models
QUANTISED = re.compile(r"\.(absmax|quant_map|nested_\w+|quant_state\..*|SCB|weight_format)$")  # no weights
PACKED = "U8"  # two weights of four bits in a byte


def resolve_base(settings: ModelSettings, directory: Path | None) -> Pointer:
    """Find the base model, fetch it from the hub if need be, and say which one it is.

    Args:
        settings: its name and revision.
        directory: where a local model lies; None for one on the hub.

    Returns:
        name, kind (embedded, directory, hub), path (as named, relative to the project where it was; null on the hub),
        hub (name there), revision (the commit), model_type, parameters (as stored: tied weights once, those in four
        bits as what they stand for), dtype, quantization (what its files are quantised to by bitsandbytes; null: not),
        files (name -> sha256).

    Raises:
        UserError: there is no such model, it needs code of its own, has no safetensors, is damaged, is quantised in a
            way that cannot be trained over, or does not predict text.
    """
    place = _download(settings) if directory is None else _local(settings, directory)
    config = check_config(place)
    parameters, dtype = _weights(place)
    files = sorted(path for pattern in MODEL_FILES for path in place.glob(pattern) if path.name != NOTE)
    return {
        "name": settings.name,
        "kind": "hub" if directory is None else EMBEDDED if settings.name == EMBEDDED else "directory",
        "path": None if directory is None else EMBEDDED_PATH if settings.name == EMBEDDED else settings.name,
        "hub": settings.name if directory is None else None,
        "revision": place.name if directory is None else None,
        "model_type": config["model_type"],
        "parameters": parameters,
        "dtype": dtype,
        "quantization": own_quantization(config),
        "files": {path.name: sha256(path) for path in track(files, "Reading the base model")},
    }


def base_path(pointer: Pointer) -> Path:
    """The directory that a pointer names, on this machine: from the working directory or a folder above it.

    Raises:
        UserError: it is not there.
    """
    if pointer["hub"]:
        return _snapshot(pointer["hub"], pointer["revision"], offline=True)
    path = Path(pointer["path"]).expanduser()
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / path).is_dir():
            return folder / path
    raise UserError(f"The base model {pointer['name']} is not in {path}. Run from the project's folder.")


def check_config(directory: Path) -> dict[str, Any]:
    """A model's configuration, if it is one that can be trained here.

    Raises:
        UserError: there is none, it needs code of its own, is quantised otherwise than by bitsandbytes, or does not
            predict text.
    """
    try:
        config: dict[str, Any] = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{directory} holds no model: there is no config.json. Set model.name to another.") from None
    except json.JSONDecodeError as error:
        raise UserError(f"{directory / 'config.json'} is no JSON ({error}). Fetch the model again.") from None
    lack = _lack(config)
    if lack:
        raise UserError(f"The model in {directory} {lack}. Set model.name to another.")
    return config


def own_quantization(config: dict[str, Any]) -> str | None:
    """What bitsandbytes has quantised a model's files to (nf4, fp4, int8); None where it has not."""
    own = config.get("quantization_config")
    if not own:
        return None
    return "int8" if own.get("load_in_8bit") else str(own.get("bnb_4bit_quant_type", "fp4"))


def _lack(config: dict[str, Any]) -> str | None:
    heads = [str(name) for name in config.get("architectures") or ()]
    method = str((config.get("quantization_config") or {}).get("quant_method", "bitsandbytes"))
    if "auto_map" in config:
        return "needs code that comes with it (auto_map), and code from elsewhere is not run"
    if method != "bitsandbytes":
        return (
            f"is quantised by {method}, which adapters are not trained over here; the original is wanted, which is "
            "quantised when it is loaded (model.quantization), or one that bitsandbytes has quantised"
        )
    if "model_type" not in config:
        return "has no model_type in its config.json"
    if config.get("is_encoder_decoder"):
        return f"({config['model_type']}) reads with one half and writes with the other (encoder-decoder)"
    if seen := [part for part in OTHER_SENSES if part in config]:
        return f"({config['model_type']}) is multimodal ({seen[0]}), and only text is trained here"
    if not any(name.endswith(("ForCausalLM", "LMHeadModel")) for name in heads):
        return f"is {', '.join(heads) or 'of no named architecture'}, not a causal language model"
    return None


def _local(settings: ModelSettings, directory: Path) -> Path:
    if not directory.is_dir():
        raise UserError(
            f"model.name={settings.name}: there is no folder {directory}. "
            "Name one that is there, a model on the hub (owner/name), or embedded."
        )
    return directory


def _download(settings: ModelSettings) -> Path:
    return _snapshot(settings.name, settings.revision, offline=False)


def _snapshot(name: str, revision: str, *, offline: bool) -> Path:
    """The folder of a model in the hub's cache; its own name is the commit."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(
            snapshot_download(name, revision=revision, allow_patterns=[*MODEL_FILES, CARD], local_files_only=offline)
        )
    except HFValidationError:
        raise UserError(f"model.name={name} is no folder, and no name on the hub either (owner/name).") from None
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise UserError(
            f"model.name={name} (revision {revision}) cannot be fetched from the hub: {first_line(error)}. "
            "Check the name and the connection, or set model.name to a folder."
        ) from error


def _weights(directory: Path) -> tuple[int, str]:
    """Parameters and their type, from the headers alone; opening a file checks that it is whole."""
    files = sorted(directory.glob("*.safetensors"))
    if not files:
        others = sorted(path.name for path in directory.glob("*") if path.suffix in {".bin", ".pt", ".pth", ".gguf"})
        seen = f" (there is {others[0]}, which is not loaded: such files can run code)" if others else ""
        raise UserError(f"{directory} holds no weights in safetensors{seen}. Set model.name to another.")
    _check_index(directory, {path.name for path in files})
    total, dtypes = 0, set()
    for path in files:
        for shape, dtype in _headers(path):
            total += math.prod(shape) * (2 if dtype == PACKED else 1)
            dtypes.add(dtype)
    return total, "+".join(sorted(dtypes))


def _check_index(directory: Path, there: Iterable[str]) -> None:
    index = directory / "model.safetensors.index.json"
    if index.is_file():
        named = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
        if missing := sorted(set(named) - set(there)):
            raise UserError(f"{directory} lacks {missing[0]}, which its index names. Fetch the model again.")


def _headers(path: Path) -> list[tuple[list[int], str]]:
    try:
        with safe_open(path, framework="numpy") as file:
            names = [name for name in file.keys() if not QUANTISED.search(name)]  # noqa: SIM118  a safe_open is no dict
            slices = [file.get_slice(name) for name in names]
            return [(part.get_shape(), part.get_dtype()) for part in slices]
    except SafetensorError as error:
        raise UserError(f"{path} is damaged ({error}). Fetch the model again.") from error


def sha256(path: Path) -> str:
    """Of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
