"""Backbones: clip steps in, features out."""
