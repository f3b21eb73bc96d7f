"""How the steps of a sequence are evaluated."""
