"""Settings of the forecasting experiment with which it takes seconds."""

SECTIONS = "{train: 24, test: 10, interval: %s, noise: 0.05}"

TINY = f"""
sines: {SECTIONS % 0.1}
lorenz: {SECTIONS % 0.05}
mackey_glass: {SECTIONS % 2}
networks: {{units: 2, large_units: 3, unfolds: 1, backbone_units: 2}}
learning_rates: {{lowest: 0.003, highest: 0.03, count: 2}}
epochs: 3
longest_window: 4
starts: 3
"""
