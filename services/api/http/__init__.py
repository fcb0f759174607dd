"""The HTTP edge: the application, problem documents, request limits, the built page."""
