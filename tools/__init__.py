"""What checks and draws the house and is no part of it: sizes, diagrams. Not in the wheel."""
