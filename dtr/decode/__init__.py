"""From raw head outputs to spans, boxes, categories and traces; numpy only."""
