"""The settings of the installation: all read together, the files that they name, and the owner of those files."""
