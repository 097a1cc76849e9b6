"""The fields of every parameter, described and checked; no logic."""
