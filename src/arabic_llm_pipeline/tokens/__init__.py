"""From records to tokens on disk, and from there to what a training step reads."""
