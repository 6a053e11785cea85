"""Configurations that reproduce the paper's protocol on the DeeptraceReward release; see docs/reproduce.md."""
