"""Loops of the gateway, which reach the world through ports."""
