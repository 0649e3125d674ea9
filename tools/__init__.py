"""Tools that check and draw the source, and are no part of the product: sizes, diagrams. Not in the wheel."""
