"""Which failures are the same failure, and what people decided about them."""
