"""The processes that run for long: the sender, the supervisor of serve, and its sockets."""
