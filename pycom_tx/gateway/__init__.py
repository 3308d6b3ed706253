"""The whole system over HTTP: calls, what runs, and what happens."""
