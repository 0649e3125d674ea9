"""The words and their looks. The only package that knows jinja2."""
