"""Readers of annotations and what checks them."""
