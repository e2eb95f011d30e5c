"""What it costs, measured: each file prints one number of the design."""
