"""PostgreSQL: sessions with timeouts, named statements, COPY, migrations. The driver ends here."""
