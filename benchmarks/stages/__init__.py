"""Where the time of a call goes, in the client and in the server."""
