"""Where funnel and queue meet: who waits behind which dead task, and what keeps both sides up to date."""
