//! The gate: from a request to the permission to act on it, in four steps that cannot be skipped or
//! swapped, because each takes what only the step before can make.
//!
//! `Request` → [`Routed`] (what is asked) → [`Verified`] (who asks) → [`Authorized`] (may they) →
//! [`Admitted`] (is there room). Called by the service; the verbs see `Admitted` only. A form says who
//! asks in its body: between the first two steps it is [`Posted`] (read up to its file).

pub mod admit;
pub mod authorize;
pub mod posted;
pub mod preflight;
pub mod route;
pub mod verify;

#[cfg(test)]
mod tests;

pub use admit::{Admission, Admitted};
pub use authorize::Authorized;
pub use posted::Posted;
pub use route::{Operation, ROUTES, Route, Routed};
pub use verify::Verified;
