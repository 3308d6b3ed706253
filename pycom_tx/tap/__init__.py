"""The twistd commands: their options, and what they start."""
