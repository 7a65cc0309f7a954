//! The gate: from a request to the permission to act on it, in four steps that cannot be skipped or
//! swapped, because each takes what only the step before can make.
//!
//! `Request` → [`Routed`] (what is asked) → [`Verified`] (who asks) → [`Authorized`] (may they) →
//! [`Admitted`] (is there room). Called by the service; the verbs see `Admitted` only.

pub mod admit;
pub mod authorize;
pub mod preflight;
pub mod route;
pub mod verify;

#[cfg(test)]
mod tests;

pub use admit::{Admission, Admitted};
pub use authorize::Authorized;
pub use route::{Operation, ROUTES, Route, Routed};
pub use verify::Verified;
