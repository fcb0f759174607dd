"""Blocks of in-phase and quadrature samples of a continuous-wave radar module."""
