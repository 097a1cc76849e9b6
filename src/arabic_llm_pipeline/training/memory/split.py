"""How the batch of a step is split into forward passes, by limits of memory and among workers."""

from collections.abc import Sequence

from arabic_llm_pipeline.common.errors import UserError
from arabic_llm_pipeline.training.job import Job
from arabic_llm_pipeline.training.memory.methods import METHODS


def sizes(method: str, batch: int, processes: int) -> list[int]:
    """Rows in a forward pass with which a batch comes out even in every worker, from the smallest."""
    smallest = METHODS[method].smallest
    return [size for size in range(smallest, batch + 1) if batch % (size * processes) == 0]


def lighter(job: Job, method: str) -> Job:
    """A job as `memory.micro_batch` and `memory.activation_checkpointing` have it, at the same batch.

    Raises:
        UserError: no smaller forward pass comes out even.
    """
    loop, limit = dict(job.settings), job.memory.micro_batch
    if job.memory.activation_checkpointing:
        loop["activation_checkpointing"] = True
    if limit is not None and limit < loop["micro_batch"]:
        batch = loop["micro_batch"] * loop["accumulation"]
        fitting = [size for size in sizes(method, batch, job.devices.processes) if size <= limit]
        if not fitting:
            raise UserError(
                f"memory.micro_batch={limit}: the batch of {batch} does not come out even with so few rows"
                f"{_said(method, job)}. {_choices(sizes(method, batch, job.devices.processes))}"
            )
        loop["micro_batch"], loop["accumulation"] = fitting[-1], batch // fitting[-1]
    return job.model_copy(update={"settings": loop})


def shared(job: Job, method: str) -> Job:
    """The job, where its forward passes come out even among the workers, or `memory.fit` will see to that.

    Raises:
        UserError: they do not; says which settings would.
    """
    micro, accumulation, processes = (
        int(job.settings["micro_batch"]), int(job.settings["accumulation"]), job.devices.processes,
    )  # fmt: skip
    even = sizes(method, micro * accumulation, processes)
    if accumulation % processes == 0 or (job.memory.fit and even):
        return job
    told = (
        f"{method}.accumulation={accumulation}: so many forward passes cannot be shared among devices.processes="
        f"{processes}. "
    )
    if not even:
        raise UserError(f"{told}Nor can any split of the batch of {micro * accumulation}: set another number.")
    size = max((size for size in even if size <= micro), default=even[0])
    raise UserError(
        f"{told}The batch stays with {method}.micro_batch={size},{method}.accumulation={micro * accumulation // size}."
    )


def _said(method: str, job: Job) -> str:
    few = f", of which {method} needs {METHODS[method].smallest}" if METHODS[method].smallest > 1 else ""
    return few + (f" in {job.devices.processes} processes" if job.devices.processes > 1 else "")


def _choices(found: Sequence[int]) -> str:
    return f"It does with {', '.join(map(str, found))}." if found else "It does with none: set another batch."
