"""YAML files: head."""
