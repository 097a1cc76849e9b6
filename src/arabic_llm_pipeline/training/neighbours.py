"""Whether a model keeps documents apart that lie in one row: known of its kind, and tried."""

from typing import Any

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.parameters.training import CptSettings, DocumentLoopSettings

LENGTH = 16  # tokens of each document that it is tried with
# What configurations of transformers call the states, convolutions and recurrences that run over a whole row: Mamba and
# its like, Jamba, Falcon-H1, Zamba, Bamba, Nemotron-H, RWKV, RecurrentGemma, LFM2, Qwen3-Next.
STATES = ("mamba", "ssm_", "state_size", "attention_hidden_size", "lru_width", "conv_L_cache", "linear_conv_kernel_dim")


def check_neighbours(model: Any, settings: DocumentLoopSettings) -> None:
    """Make sure that a document does not change what a model makes of the next one in its row.

    Attention takes borders from the position ids. State-space layers, convolutions and recurrences do not: what they
    carry along runs over the border, and the loss would be of texts that nobody wrote.

    Raises:
        UserError: the model lets documents of a row see each other.
    """
    if not (settings.packing or settings.padding_free):
        return
    kind = model.config.model_type
    method = "cpt" if isinstance(settings, CptSettings) else "sft"
    off = f"Set {method}.packing=false and {method}.padding_free=false."
    if state := state_over_rows(model.config):
        _refuse(f"{kind} has layers whose state runs over the borders of documents ({state} in its config.json)", off)
    if leaks(model, 1 if settings.padding_free else min(2, settings.micro_batch)):
        more = "" if settings.padding_free else f" Or set {method}.padding_free=true, which flash attention needs."
        _refuse(f"{kind} lets a document see the one before it in its row, as a trial of two shows", off + more)


def state_over_rows(config: Any) -> str | None:
    """The first name in a configuration that tells of layers other than attention which look back."""
    return next((name for name in sorted(config.to_dict()) if name.startswith(STATES)), None)


def leaks(model: Any, rows: int) -> bool:
    """Whether another first document changes what a model makes of the second one.

    Args:
        model: any causal one.
        rows: side by side in the trial.
    """
    import torch

    vocabulary = int(model.get_input_embeddings().weight.shape[0])
    ids = torch.randint(vocabulary, (rows, 2 * LENGTH), generator=torch.Generator().manual_seed(0))
    other = ids.clone()
    other[:, :LENGTH] = (ids[:, :LENGTH] + vocabulary // 2) % vocabulary
    positions = torch.arange(LENGTH).repeat(rows, 2)
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            one, two = (
                model(input_ids=tokens.to(model.device), position_ids=positions.to(model.device), use_cache=False)
                .logits[:, LENGTH:]
                .float()
                for tokens in (ids, other)
            )
    except TypeError:  # it takes no position ids
        return True
    finally:
        model.train(was_training)
    # what is masked counts for nothing at all; sums of other shapes may still round otherwise
    return bool((one - two).abs().max() > 8 * torch.finfo(model.dtype).eps * one.abs().max())


def _refuse(why: str, advice: str) -> None:
    raise UserError(f"{why}: rows of several documents are not for it. {advice}")
