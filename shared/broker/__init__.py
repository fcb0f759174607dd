"""RabbitMQ: streams and quorum queues, confirmed publishing. The AMQP library ends here."""
