"""Declaring components and answering calls to them, without any network."""
