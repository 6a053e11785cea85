"""YAML files: rows of ablations."""
