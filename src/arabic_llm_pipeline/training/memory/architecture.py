"""What a base model is made of, from its configuration alone: no weights are read."""

import copy
import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.model import AdapterSettings, ModelSettings
from arabic_llm_pipeline.parameters.training import PretrainSettings
from arabic_llm_pipeline.training import adapters, models
from arabic_llm_pipeline.training.base import check_config
from arabic_llm_pipeline.training.families import HEAD

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig

KNOWN = "architectures.json"  # configurations of public models, so that they are planned before they are fetched


def known() -> dict[str, dict[str, Any]]:
    """Configurations of public models by their name on the hub."""
    text = (resources.files(__package__) / "data" / KNOWN).read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = json.loads(text)
    return found


def find_config(settings: ModelSettings, directory: Path | None) -> "PreTrainedConfig":
    """The configuration of the model that a run names: from its folder, the hub's cache, this package, or the hub.

    Raises:
        UserError: it is nowhere.
    """
    if directory is not None:
        return read_config(directory)
    for source in (_cached, _packaged, _fetched):
        if (found := source(settings)) is not None:
            return found
    raise UserError(
        f"model.name={settings.name}: its config.json is not on this machine and cannot be fetched. "
        "Check the name and the connection, or set model.name to a folder."
    )


def read_config(directory: Path) -> "PreTrainedConfig":
    """The configuration in a model's folder.

    Raises:
        UserError: it is none that can be trained here.
    """
    check_config(directory)
    return shape_of(directory)


def shape_of(directory: Path) -> "PreTrainedConfig":
    """The same of any model, a reward model too, without asking whether it can be trained."""
    from transformers import AutoConfig

    found: PreTrainedConfig = AutoConfig.from_pretrained(directory, trust_remote_code=False, local_files_only=True)
    if hasattr(found, "quantization_config"):
        del found.quantization_config  # how weights are held is said apart; without any there is nothing to unpack
    return found


def make_config(values: dict[str, Any]) -> "PreTrainedConfig":
    """A configuration from its values, `model_type` among them."""
    from transformers import AutoConfig

    return AutoConfig.for_model(**values)


def pretrain_config(settings: PretrainSettings, vocabulary: int, model_type: str) -> "PreTrainedConfig":
    """The shape that `pretrain` makes, of the type that its tokenizer asks for."""
    return make_config(
        {
            "model_type": model_type,
            "vocab_size": vocabulary,
            "hidden_size": settings.width,
            "num_hidden_layers": settings.layers,
            "num_attention_heads": settings.heads,
            "num_key_value_heads": settings.key_value_heads,
            "intermediate_size": settings.intermediate,
            "max_position_embeddings": settings.positions,
            "tie_word_embeddings": True,
        }
    )


def with_layers(config: "PreTrainedConfig", layers: int) -> "PreTrainedConfig":
    """The same with fewer layers, or with more, of kinds as those it has."""
    made = copy.deepcopy(config)
    text = made.get_text_config()
    text.num_hidden_layers = layers
    if kinds := getattr(text, "layer_types", None):
        text.layer_types = [kinds[layer % len(kinds)] for layer in range(layers)]
    return made


def build(
    config: "PreTrainedConfig",
    dtype: "torch.dtype",
    attention: str,
    lora: AdapterSettings | None,
    *,
    scoring: bool = False,
) -> "torch.nn.Module":
    """The model without weights (on the `meta` device).

    Args:
        config: of the base.
        dtype: of its weights.
        attention: how it is computed.
        lora: a new adapter; None: all weights are trained.
        scoring: with a reward model's head instead of the output layer.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

    kind: Any = AutoModelForSequenceClassification if scoring else AutoModelForCausalLM
    if scoring:
        config = copy.deepcopy(config)
        config.num_labels = 1
    # what flash attention holds is what sdpa's own kernel of that kind does
    computed = "sdpa" if attention != "eager" and models.has_sdpa(config) else "eager"
    with torch.device("meta"):
        model: Any = kind.from_config(config, dtype=dtype, attn_implementation=computed)
        model.config.use_cache = False
        return adapters.new_adapter(model, lora, 0, scoring=scoring) if lora else model


def output_layer(model: Any) -> Any:
    """The layer over the vocabulary, or a reward model's head."""
    inner = model.get_base_model() if hasattr(model, "peft_config") else model
    found = model.get_output_embeddings()
    return getattr(inner, HEAD) if found is None else found


def _cached(settings: ModelSettings) -> "PreTrainedConfig | None":
    return _hub(settings, offline=True)


def _fetched(settings: ModelSettings) -> "PreTrainedConfig | None":
    return _hub(settings, offline=False)


def _packaged(settings: ModelSettings) -> "PreTrainedConfig | None":
    values = known().get(settings.name)
    return make_config(values) if values else None


def _hub(settings: ModelSettings, *, offline: bool) -> "PreTrainedConfig | None":
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        file = hf_hub_download(settings.name, "config.json", revision=settings.revision, local_files_only=offline)
    except (HfHubHTTPError, HFValidationError, OSError):
        return None
    return read_config(Path(file).parent)
