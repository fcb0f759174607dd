"""The shipped estimators in the shape that a scorer asks for, by what they are of."""
