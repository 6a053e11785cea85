"""Heads: one file each, pure torch, over one shared neck. Folder `heads/` is imported as `dtr.heads`."""
