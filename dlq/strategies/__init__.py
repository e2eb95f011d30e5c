"""What a task does about its own errors: categories, when to try again, fallbacks, circuit breakers."""
