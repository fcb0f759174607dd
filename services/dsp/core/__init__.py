"""Estimators: values in, values out."""
