"""Z3 encodings of a protocol: bounded model checking and induction over finite scopes, proofs over unbounded ones."""
