"""Migrations of the database: one linear history for all schemas and roles."""
