"""What a stage may take: the card or its limit, and the machine's."""

from dataclasses import dataclass

from arabic_llm_pipeline.parameters.memory import MemorySettings
from arabic_llm_pipeline.training.memory.plan import CONTEXT, GB, Plan


@dataclass(frozen=True)
class Room:
    """Bytes that there are; None: not limited. `told` says where each comes from."""

    device: float | None
    host: float | None
    told_device: str = ""
    told_host: str = ""

    def has(self, plan: Plan) -> bool:
        """Whether a plan fits."""
        return not self.lack(plan)

    def lack(self, plan: Plan) -> str:
        """What does not fit, in words."""
        if self.device is not None and plan.device > self.device:
            where = "the card" if plan.stage.on_card else "memory for tensors"
            return f"{plan.device / GB:.2f} GB of {where}, and {self.told_device}"
        if self.host is not None and plan.host > self.host:
            return f"{plan.host / GB:.2f} GB of the machine's memory, and {self.told_host}"
        return ""


def room(settings: MemorySettings, *, on_card: bool, empty: bool = False) -> Room:
    """What a stage may take here.

    On a card: what is free, or less by `memory.limit_gb`. On a CPU nothing but the limits that are given; there
    `limit_gb` is compared with the tensors alone. The machine's memory only by `memory.host_limit_gb`.

    Args:
        settings: the limits.
        on_card: whether there is a card.
        empty: take the card as if nothing else were on it.
    """
    device = settings.limit_gb * GB if settings.limit_gb else None
    told = f"memory.limit_gb is {settings.limit_gb:g}" if settings.limit_gb else ""
    if on_card:
        free, total = _card()
        free = total if empty else free
        if device is None or free < device:
            device, told = free, f"{free / GB:.2f} of its {total / GB:.2f} GB are free"
    host = settings.host_limit_gb * GB if settings.host_limit_gb else None
    return Room(device, host, told, f"memory.host_limit_gb is {settings.host_limit_gb:g}" if host else "")


def cap(settings: MemorySettings) -> None:
    """Have torch refuse what goes over `memory.limit_gb` on the card; CUDA's own part is beside it."""
    import torch

    if settings.limit_gb and torch.cuda.is_available():
        _, total = torch.cuda.mem_get_info()
        share = max(0.01, min(1.0, (settings.limit_gb * GB - CONTEXT) / total))
        torch.cuda.set_per_process_memory_fraction(share)


def _card() -> tuple[float, float]:
    """Free, as it was before this question brought CUDA into this process, and all."""
    import torch

    free, total = torch.cuda.mem_get_info()
    return min(free + CONTEXT, total), total
