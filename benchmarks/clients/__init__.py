"""Many clients of one server: connections in one process, with a call in flight on each."""
