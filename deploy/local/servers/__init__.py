"""How a private mosquitto, RabbitMQ and PostgreSQL start, for `make run` and for the tests."""
