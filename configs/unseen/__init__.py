"""Recipes of `dtr evaluate-unseen`."""
