"""Networks that are trained at one sampling of time and tested at others: rates, lost steps, jitter and noise."""
