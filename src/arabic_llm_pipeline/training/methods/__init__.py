"""Ways to train; each module has a function `train` that a stage's process calls. They import torch when that runs."""
