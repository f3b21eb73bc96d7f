"""A liquid network learns handwritten digits, beside an LSTM, a GRU and logistic regression on the same data."""
