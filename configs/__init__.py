"""Configuration files as package data; found by `importlib.resources`, never by a working directory."""
