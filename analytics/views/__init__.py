"""What can be asked about a funnel: a record for each kind of answer, and how it is made.

Every percentage, difference and verdict is derived here, once, from the counts of `queries.py`. Pages, CSV,
REST and command line render the same record.
"""
