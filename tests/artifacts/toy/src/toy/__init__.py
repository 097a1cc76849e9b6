"""A project of a few nodes, in which the promises of `artifacts` are tested."""
