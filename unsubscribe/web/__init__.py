"""The web kit for every part that serves pages: server, security headers, forms, pages, group commit. No routes."""
