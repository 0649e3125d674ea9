"""A backup: one archive of the database, the secrets, the journal, the settings and the files that settings name.

The archive is a gzipped tar, encrypted in the age format where there is a passphrase: both open without Postiljon.
"""
