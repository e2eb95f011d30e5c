"""What would bring more sessions to the end, found by comparing sessions that were watched equally long.

Each module looks at one kind of cause and offers candidates, with their numbers and their words. All that are
tested are tested together (see `advice.py`), so what is left of them is not the luck of many comparisons.
"""
