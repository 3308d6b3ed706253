"""Serving components: binding, registering, and finding them in modules."""
