"""What is decided about alarms: values in, values out."""
