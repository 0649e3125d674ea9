"""What builds and checks the house and is no part of it: sizes, diagrams, catalogues. Not in the wheel."""
