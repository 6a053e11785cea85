"""Metrics, each with a second opinion in the tests."""
