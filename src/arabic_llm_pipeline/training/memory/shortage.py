"""Whether an error says that there was too little memory: torch, CUDA and its libraries have a word each for it."""

import sys

SAYINGS = (
    # CUDA itself, outside of torch's allocator: an error of its own, without a full stop
    "CUDA error: out of memory",
    # cuBLAS, which takes its workspace beside the allocator, when it is first asked
    "CUBLAS_STATUS_ALLOC_FAILED",
)


def is_shortage(error: BaseException) -> bool:
    """Whether memory ran out, of the card or of the host. Where nobody has imported torch, it is not imported."""
    if isinstance(error, MemoryError):
        return True
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(error, Exception):
        return False
    from accelerate.utils.memory import should_reduce_batch_size

    said = isinstance(error, RuntimeError) and any(saying in str(error) for saying in SAYINGS)
    return said or isinstance(error, torch.OutOfMemoryError) or should_reduce_batch_size(error)
