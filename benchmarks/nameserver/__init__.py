"""A nameserver that knows many services, and what its operations cost."""
