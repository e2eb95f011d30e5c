"""Tasks and a bulk retry while servers, workers and runners are killed at random; what must hold at the end.

`python -m tests.dlq.chaos --tasks 10000` is the long form; tests/dlq/test_chaos.py runs a short one.
"""
