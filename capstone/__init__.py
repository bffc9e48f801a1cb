"""The end of the course: everything that was built, put together."""
