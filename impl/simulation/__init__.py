"""Clusters under a simulated clock, network and disk: one seed, one run.

A `Host` is a machine of the cluster: a node without input or output, its disk and its state machine. Its methods are the events of a run, and
each leaves a record (`impl.simulation.events`) for whoever watches.
"""
