"""What a stage will hold in memory, worked out before anything is loaded: parts, activations, limits, advice.

Sizes are bytes inside, GB of 10^9 bytes and MiB of 2^20 bytes on the screen, each named as such.
"""
