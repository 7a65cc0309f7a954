//! XML documents of S3: `write` makes answers, `read` takes requests apart, `error` is the error
//! document. Element names are AWS's own, to the letter.

pub mod error;
pub mod read;
pub mod write;

pub use write::Document;

/// The namespace of every S3 document but errors.
pub const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";
