"""Small CC0 photographs that the demo films."""
