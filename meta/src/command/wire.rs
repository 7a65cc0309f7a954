//! Commands and outcomes as they lie in the log and in the sessions.
