"""Training and keeping what was trained."""
