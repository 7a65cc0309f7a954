//! Requests that the server answers by itself. The service gives the answer its shape.

/// Why a request never reached the service. The connection closes after the answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Rejection {
    /// Not HTTP, or framed so that two readers could disagree. The reason is for people.
    #[error("{0}")]
    Malformed(&'static str),
    /// Over `HEAD_BYTES_MAX` or `HEADERS_MAX`.
    #[error("the request's headers are too large")]
    HeadTooLarge,
    /// A method that no service of ours knows.
    #[error("the method is not supported")]
    MethodUnknown,
    /// Neither HTTP/1.0 nor HTTP/1.1.
    #[error("the HTTP version is not supported")]
    VersionUnsupported,
    /// The head did not come in time.
    #[error("the request did not arrive in time")]
    HeadTimedOut,
    /// This core has all the connections it may have.
    #[error("too many connections")]
    TooManyConnections,
}

impl Rejection {
    /// The status code that fits (RFC 9110 section 15).
    pub const fn status(self) -> u16 {
        match self {
            Self::Malformed(_) => 400,
            Self::HeadTimedOut => 408,
            Self::HeadTooLarge => 431,
            Self::MethodUnknown => 501,
            Self::TooManyConnections => 503,
            Self::VersionUnsupported => 505,
        }
    }
}
