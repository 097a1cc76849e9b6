"""Stages: a base model, an adapter and data in; an adapter, a log and a record of resources out."""
