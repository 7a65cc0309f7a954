//! Units as types, so that a number of bytes is never mistaken for a number of anything else.

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};

/// A number of bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct ByteCount(u64);

impl ByteCount {
    /// No bytes.
    pub const ZERO: Self = Self(0);

    /// `count` bytes.
    pub const fn new(count: u64) -> Self {
        Self(count)
    }

    /// `count` KiB (1,024 bytes).
    pub const fn kib(count: u64) -> Self {
        Self(count << 10)
    }

    /// `count` MiB (1,048,576 bytes).
    pub const fn mib(count: u64) -> Self {
        Self(count << 20)
    }

    /// `count` GiB (1,073,741,824 bytes).
    pub const fn gib(count: u64) -> Self {
        Self(count << 30)
    }

    /// The number, for arithmetic with offsets.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number as a length in memory.
    pub const fn as_usize(self) -> usize {
        const { assert!(usize::BITS == 64, "Hamster runs on 64-bit machines only") };
        #[expect(clippy::cast_possible_truncation, reason = "usize has 64 bits, checked above")]
        let length = self.0 as usize;
        length
    }

    /// A length in memory as bytes.
    pub const fn of(length: usize) -> Self {
        Self(length as u64)
    }

    /// The difference, or zero.
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The next multiple of `step` (a power of two) at or above this.
    pub const fn align_up(self, step: Self) -> Self {
        Self((self.0 + step.0 - 1) & !(step.0 - 1))
    }

    /// The multiple of `step` (a power of two) at or below this.
    pub const fn align_down(self, step: Self) -> Self {
        Self(self.0 & !(step.0 - 1))
    }
}

impl Add for ByteCount {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for ByteCount {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sub for ByteCount {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl SubAssign for ByteCount {
    fn sub_assign(&mut self, other: Self) {
        self.0 -= other.0;
    }
}

impl fmt::Display for ByteCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
        if self.0 < 1 << 10 {
            return write!(f, "{} B", self.0);
        }
        let exponent = (self.0.ilog2() / 10).min(5);
        #[expect(clippy::cast_precision_loss, reason = "for display only")]
        let value = self.0 as f64 / f64::from(1u32 << 10).powi(exponent.cast_signed());
        write!(f, "{value:.1} {}", UNITS[exponent as usize - 1])
    }
}

impl fmt::Debug for ByteCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
