"""YAML files: features."""
