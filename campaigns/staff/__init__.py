"""The people who work with Postiljon: accounts, roles and rights, sessions, one-time links, the audit trail.

Each table has one module. Nothing here serves a page or sends a mail.
"""
