"""What is measured, against which peers, and how to repeat it: `python -m benchmarks`; the figures stand in RESULTS.md."""
