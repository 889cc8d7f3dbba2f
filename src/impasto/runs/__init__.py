"""One run and what comes of it: inputs, record, draft, interruption, events, time-lapse."""
