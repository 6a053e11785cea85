"""YAML files: recipes."""
