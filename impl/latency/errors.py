"""What can go wrong in the latency laboratory."""


class LatencyError(ValueError):
    """Something that cannot be read or done; the message names the place (a file and its key, or an option) and the mend."""
