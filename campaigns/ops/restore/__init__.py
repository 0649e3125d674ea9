"""A restore: the archive of ``postiljon backup`` put into an empty place, and made safe to send from."""
