"""The screen that a learner keeps beside their editor: events in, one session, one picture of it."""
