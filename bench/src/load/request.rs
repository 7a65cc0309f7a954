//! Requests as bytes, signed. A GET or LIST of the same object is signed once a second and then
//! sent as it stands (`x-amz-date` has whole seconds): every request carries a valid signature, and
//! the client does not become the bottleneck.

use super::bodies::Bodies;
use super::order::{Listing, Operation, Order};
use crate::sign::{Credentials, EMPTY_PAYLOAD, Signer, UNSIGNED_PAYLOAD, Unsigned};
use hamster_core::WallTime;
use std::fmt::Write;
use std::sync::Arc;

/// Requests kept for reuse: about 30 MB at most.
const KEPT_MAX: usize = 65_536;

/// Makes the requests of one thread.
pub struct Requests {
    signer: Signer,
    host: String,
    bucket: String,
    listing: Listing,
    bodies: Arc<Bodies>,
    kept: Vec<Kept>,
}

#[derive(Clone, Default)]
struct Kept {
    object: usize,
    second: u64,
    bytes: Vec<u8>,
}

impl Requests {
    /// Requests to `host` for objects in `bucket`.
    pub fn new(
        credentials: Credentials,
        region: &str,
        (host, bucket): (&str, &str),
        listing: Listing,
        bodies: Arc<Bodies>,
    ) -> Self {
        Self {
            signer: Signer::new(credentials, region),
            host: host.to_owned(),
            bucket: bucket.to_owned(),
            listing,
            bodies,
            kept: vec![Kept::default(); listing.objects.min(KEPT_MAX)],
        }
    }

    /// Writes the head of a request over what is in `out`.
    pub fn write(&mut self, order: Order, now: WallTime, out: &mut Vec<u8>) {
        out.clear();
        if order.operation != Operation::Get {
            self.sign(order, now, out);
            return;
        }
        let slot = order.object % self.kept.len();
        let mut kept = std::mem::take(&mut self.kept[slot]);
        if kept.second != now.secs() || kept.object != order.object {
            kept.bytes.clear();
            self.sign(order, now, &mut kept.bytes);
            kept.second = now.secs();
            kept.object = order.object;
        }
        out.extend_from_slice(&kept.bytes);
        self.kept[slot] = kept;
    }

    fn sign(&mut self, order: Order, now: WallTime, out: &mut Vec<u8>) {
        let key = key(order.object);
        let (method, path, query) = match order.operation {
            Operation::Put => ("PUT", format!("/{}/{key}", self.bucket), String::new()),
            Operation::Get => ("GET", format!("/{}/{key}", self.bucket), String::new()),
            Operation::List => {
                let query = format!("list-type=2&max-keys={}&start-after={key}", self.listing.page);
                ("GET", format!("/{}", self.bucket), query)
            }
        };
        let bodies = Arc::clone(&self.bodies);
        let payload = match order.operation {
            Operation::Put => bodies.hash(order.object).unwrap_or(UNSIGNED_PAYLOAD),
            Operation::Get | Operation::List => EMPTY_PAYLOAD,
        };
        let request = Unsigned {
            method,
            path: &path,
            query: &query,
            host: &self.host,
            headers: &[],
            payload,
        };
        let authorization = self.signer.authorization(&request, now);
        let stamp = self.signer.stamp(now);
        let separator = if query.is_empty() { "" } else { "?" };
        let mut head = format!(
            "{method} {path}{separator}{query} HTTP/1.1\r\nhost: {}\r\nx-amz-date: {stamp}\r\n\
             x-amz-content-sha256: {payload}\r\nauthorization: {authorization}\r\n",
            self.host
        );
        if order.operation == Operation::Put {
            write!(head, "content-length: {}\r\n", bodies.size()).expect("a String takes all");
        }
        head.push_str("\r\n");
        out.extend_from_slice(head.as_bytes());
    }
}

/// An object's key. Needs no encoding; sorts as its index does.
pub fn key(object: usize) -> String {
    format!("object-{object:010}")
}
