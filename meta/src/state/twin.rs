//! The in-memory twin of the RocksDB databases, for the simulator and for tests. A property test
//! holds the two to the same behaviour.

/// The databases of all simulated directories, by path. They outlive the nodes that open them.
/// Cheap to clone.
#[derive(Clone, Default)]
pub struct TwinWorld;
