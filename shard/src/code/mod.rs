//! Reed–Solomon over slices: parity when writing, lost slices when reading.
//!
//! Encoding is reed-solomon-simd's. Its `decode` takes about 130 µs whatever the length, because it
//! transforms 65,536 points; but the code is linear, so that a lost slice is a fixed combination of
//! any k others. The coefficients are derived once per loss pattern ([`matrix`]) and applied with
//! the crate's multiplication.

mod apply;
mod encoder;
mod matrix;

pub use apply::Restorer;
pub use encoder::Encoder;
