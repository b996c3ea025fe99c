"""The unbounded encoding: uninterpreted sorts, so that what is proved holds for any number of nodes, terms and messages."""
