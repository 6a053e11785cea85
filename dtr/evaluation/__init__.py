"""Honest evaluation of anybody's predictions: the paper's protocol, what it leaves out, and the floors beside both."""
