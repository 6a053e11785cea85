"""What a detector's answers lose when a video goes through what happens to videos: re-encoding, scaling, overlays."""
