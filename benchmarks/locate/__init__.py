"""Asking the nameserver for a service, calling it once, and letting go of it."""
