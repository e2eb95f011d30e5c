"""The pass over the events of a partition, in machine code: flat arrays, no Python objects.

`best.py` finds the chain of steps that counts for each session, with `ordered.py`, `strict.py`,
`unordered.py` and, where an event must not happen, `exclusions.py`; `tallying.py` places and adds them up.
`tests/reference` says the same slowly. What the arrays mean is in `arrays.py`.
"""
