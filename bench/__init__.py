"""Benchmarks: each row times whole commands and gives a ratio against something run in the same go."""
