"""The life of a campaign: stored, prepared, planned, launched, controlled, reported."""
