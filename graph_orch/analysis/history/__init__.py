"""What past tries teach: success, time, retries."""
