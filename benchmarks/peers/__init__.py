"""What Headrace is measured against, each handler written as its kind usually is."""
