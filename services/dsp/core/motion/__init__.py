"""What a body does, from acceleration: posture, steps, falls, activity."""
