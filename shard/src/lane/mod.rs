//! Lanes: who owns which partition on this node, and the index from data id to place.

/// What one core asks another about the lanes that it owns. Opaque to everyone else.
pub struct Question(());

/// The answer to a [`Question`].
pub struct Answer(());
