"""The people who work with Postiljon: their accounts."""
