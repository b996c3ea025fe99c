"""The checker: explorers, counterexamples, refinement, reports."""
