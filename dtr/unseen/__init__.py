"""Leave-one-generator-out and leave-one-real-source-out: how a detector does on what it was not trained on."""
