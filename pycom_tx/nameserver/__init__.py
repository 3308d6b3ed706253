"""The nameserver: which service provides which interface, and where."""
