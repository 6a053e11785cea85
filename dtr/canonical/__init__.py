"""Both classes through one recipe into files: the same codec, size, frame rate, lengths and container facts."""
