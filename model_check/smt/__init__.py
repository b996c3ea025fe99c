"""The spec as formulas for the solver Z3: bounded, over finite sorts, and unbounded, over uninterpreted ones."""
