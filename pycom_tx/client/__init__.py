"""Calling components: contexts, components and proxies."""
