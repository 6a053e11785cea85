"""Simple detectors on cached features, re-implemented from papers: what an own detector must beat beside floors."""
