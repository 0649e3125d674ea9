"""The services of systemd and what they need on a machine: ``service install`` and ``service uninstall``."""
