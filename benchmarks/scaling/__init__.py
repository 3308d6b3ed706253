"""Several processes of one service, and clients that keep all of them busy."""
