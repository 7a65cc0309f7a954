//! Parity slices, with encoders kept for reuse.

use hamster_core::Buffer;
use reed_solomon_simd::ReedSolomonEncoder;
use std::cell::RefCell;

/// The encoders of one core. Each keeps the working space of its last size.
#[derive(Default)]
pub struct Encoder(RefCell<Option<ReedSolomonEncoder>>);

impl Encoder {
    /// Fills the parity slices from the first `length` bytes of the data slices. `length` is a
    /// multiple of the code's 64 bytes, unless there is one data slice: then parity is a copy.
    pub fn encode(&self, data: &[Buffer], parity: &mut [Buffer], length: usize) {
        if let [only] = data {
            parity.iter_mut().for_each(|slice| slice[..length].copy_from_slice(&only[..length]));
            return;
        }
        if parity.is_empty() {
            return;
        }
        let mut kept = self.0.borrow_mut();
        let encoder = match kept.take() {
            Some(mut encoder) => {
                encoder.reset(data.len(), parity.len(), length).expect(SOUND);
                encoder
            }
            None => ReedSolomonEncoder::new(data.len(), parity.len(), length).expect(SOUND),
        };
        let encoder = kept.insert(encoder);
        for slice in data {
            encoder.add_original_shard(&slice[..length]).expect(SOUND);
        }
        let encoded = encoder.encode().expect(SOUND);
        for (slice, bytes) in parity.iter_mut().zip(encoded.recovery_iter()) {
            slice[..length].copy_from_slice(bytes);
        }
    }
}

const SOUND: &str = "a sound profile and slices of one length";
