"""RabbitMQ and PostgreSQL as the alarm service uses them."""
