"""How fast calls are here, and elsewhere: ``python -m benchmarks --help``."""
