"""What can be said from counts, and how surely: pure functions, each naming the source of its method.

Shares and differences of shares are floats (0.01 is one point), times are seconds. Whatever is undefined, or
rests on too few sessions to test, is None. A p-value of None stays None through the correction for several
comparisons, and its verdict is "too few to tell".
"""
