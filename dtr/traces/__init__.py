"""Synthesised traces: what gives a generated video away, put into any clip with its exact place, time and kind."""
