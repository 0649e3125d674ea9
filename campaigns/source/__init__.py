"""The source of a campaign: its file, definition, brand and pictures, read and checked. It knows no database."""
