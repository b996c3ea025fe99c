"""Validation of given steps: an implementation or a recorded trace is held against a spec, step by step."""
