"""Real sender processes, a scripted SMTP server that pulls the trigger itself, and both their records compared."""
