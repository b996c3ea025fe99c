"""The checker: explorers, counterexamples, refinement, reports.

`from model_check import check; result = check(Paxos(Scope(acceptor=3, ballot=2, value=2)))`
"""

from model_check.check import Result, check
from model_check.pytest_helper import assert_holds
from model_check.simulate import Simulation, simulate
from model_check.state_graph import state_graph
from model_check.trace import Trace

__all__ = ["Result", "Simulation", "Trace", "assert_holds", "check", "simulate", "state_graph"]
