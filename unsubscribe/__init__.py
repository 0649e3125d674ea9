"""The reader's side: contacts, topics, consent, tokens, opt-out, change details, the public endpoint."""
