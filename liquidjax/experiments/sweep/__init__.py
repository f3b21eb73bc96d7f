"""Many runs over a space of settings, shared out among workers by Optuna."""
