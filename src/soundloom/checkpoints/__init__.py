"""Checkpoints: a trained system as files that hold no code, the shipped models, the hub.

In: a system, or the name of a model. Out: config.json with weights.safetensors, or a system ready to sample.
"""
