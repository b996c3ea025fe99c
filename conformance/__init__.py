"""Holds implementations against specs: the one place that knows both sides, and that neither side knows."""
