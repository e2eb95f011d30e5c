"""What may be wrong with an installation, found without changing anything, and how to mend each."""
