"""Sending letters again: claim, commit, publish, mark; and the reaper for what a crash left."""
