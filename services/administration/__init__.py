"""Tools of whoever runs a deployment: they start, do their work as `vw_admin`, and end."""
