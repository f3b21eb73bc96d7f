"""Ways out: a trained model as a program for other machines, languages and runtimes, compared before it is done."""
