"""The optimized implementation of the protocols; it imports neither the spec nor the checker."""
