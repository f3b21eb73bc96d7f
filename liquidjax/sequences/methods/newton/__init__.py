"""Newton's method on a whole sequence, and the strategies it solves its linear equations by."""
