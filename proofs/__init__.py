"""Why the protocols are safe for clusters of any size: lemmas and prose, each step checked by machine."""
