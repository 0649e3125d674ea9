"""Running an installation: init, doctor, DKIM keys, the work after a restore."""
