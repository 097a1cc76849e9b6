"""The memory plan: what each stage of the chosen recipes takes, before any is run."""
