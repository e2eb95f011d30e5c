"""Every table that people see, as a file: named in `registry`, written by `formats`.

A table's rows come in bounded batches out of the service functions that its page calls, so a file holds what
the same person sees there, and a table of any size is written in the memory of a batch.
"""
