"""Checks before a campaign leaves: preview and test mail, the columns it uses, its sender in DNS."""
