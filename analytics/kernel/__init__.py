"""The pass over the events of a partition, in machine code: flat arrays, no Python objects.

`tallying.py` counts sessions and `listing.py` lists them; both ask `best.py` for the chain of steps that
counts, which `ordered.py`, `strict.py` and `unordered.py` find, and `exclusions.py` where an event must not
happen. `tests/reference` says the same slowly. What the arrays mean is in `arrays.py`.
"""
