"""What tells the label of a data set without showing a trace: file facts, names, copies, sources."""
