"""MQTT, RabbitMQ and PostgreSQL as the gateway's ports see them."""
