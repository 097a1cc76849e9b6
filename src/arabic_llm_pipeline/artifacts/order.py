"""The order in which a run's nodes are judged."""

from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node

LAST = "last"  # the tag of nodes that wait until everything else is done


def in_order(pipeline: Pipeline) -> list[Node]:
    """Kedro's order, but for nodes tagged `LAST` and what needs them: these come after all others.

    Each node still comes after those that make its inputs: whatever needs a late one is late, too.
    """
    late: set[Node] = set()
    for node in pipeline.nodes:
        if LAST in node.tags or late & pipeline.node_dependencies[node]:
            late.add(node)
    return sorted(pipeline.nodes, key=lambda node: node in late)
