"""What a server keeps, and what that takes of its memory."""
