"""Calling services through a gateway, over HTTP."""
