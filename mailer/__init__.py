"""Sends one letter to one address, well. Knows no campaign, no topic and no console."""
