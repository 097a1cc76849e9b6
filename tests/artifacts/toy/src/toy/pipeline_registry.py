"""Pipelines, and what makes an input."""

from kedro.pipeline import Node, Pipeline

from toy import nodes


def _prepare() -> Pipeline:
    inputs = {"workspace": "documents_workspace", "raw": "raw_text", "settings": "params:clean"}
    return Pipeline([Node(nodes.clean, inputs, ["documents", "rejects"], name="clean")])


def _train() -> Pipeline:
    sft = {"workspace": "sft_workspace", "documents": "documents", "settings": "params:sft"}
    dpo = {"workspace": "dpo_workspace", "adapter": "sft_adapter", "settings": "params:dpo"}
    return Pipeline(
        [
            Node(nodes.sft, sft, ["sft_adapter", "sft_log"], name="sft"),
            Node(nodes.dpo, dpo, ["dpo_adapter", "dpo_log"], name="dpo"),
        ]
    )


def _report() -> Pipeline:
    inputs = {"adapter": "dpo_adapter", "log": "dpo_log", "counts": "table"}
    return Pipeline(
        [
            Node(nodes.count, "documents", "counts", name="count"),
            Node(nodes.table, "counts", "table", name="table"),
            Node(nodes.report, inputs, "report", name="report"),
        ]
    )


def upstream(names) -> tuple[list[str], Pipeline]:
    makers = {"prepare": _prepare(), "train": _train(), "report": _report()}
    todo, found = set(names), set()
    while todo:
        wanted = todo.pop()
        for label, pipeline in makers.items():
            if wanted in pipeline.all_outputs() and label not in found:
                found.add(label)
                todo |= pipeline.inputs()
    order = [label for label in makers if label in found]
    return order, sum((makers[label] for label in order), Pipeline([])).to_outputs(*names)


def register_pipelines() -> dict[str, Pipeline]:
    pipelines = {"prepare": _prepare(), "train": _train(), "report": _report()}
    return {**pipelines, "__default__": sum(pipelines.values(), Pipeline([]))}
