//! The second step: who asks. Checks the signature of every request; there is no way around it.

use super::posted::{self, CheckedForm};
use super::route::{Operation, Routed};
use crate::credentials::{Credentials, User};
use crate::error::{Code, S3Error};
use crate::sigv4::payload::PayloadMode;
use crate::sigv4::{self, ChunkSigner, Claim, HexHash, Payload, canonical};
use aws_lc_rs::hmac;
use hamster_core::WallTime;
use hamster_core::limits::CLOCK_SKEW_MAX;
use hamster_net::http::Headers;
use std::rc::Rc;
use std::time::Duration;

/// Whether nobody has signed `routed`.
pub fn is_unsigned(routed: &Routed) -> bool {
    Claim::is_absent(routed.head.headers(), &routed.query)
}

/// A request whose sender is known.
pub struct Verified {
    pub(super) routed: Routed,
    pub(super) user: Rc<User>,
    pub(super) payload: Payload,
    /// Of PostObject only: there always.
    pub(super) form: Option<Box<CheckedForm>>,
}

impl Verified {
    /// Checks the signature of `routed` at the time `now`.
    ///
    /// # Errors
    /// S3's codes for what is missing, malformed, late or wrong. An unknown key takes as long as a
    /// wrong signature. `AccessDenied` or `InvalidArgument` for PostObject, whose claim is in its form.
    pub fn check(
        routed: Routed,
        credentials: &Credentials,
        region: &Rc<str>,
        now: WallTime,
    ) -> Result<Self, S3Error> {
        if routed.operation() == Operation::PostObject {
            return Err(posted::not_by_form(&routed));
        }
        let (user, payload) = check_signature(&routed, credentials, region, now)?;
        Ok(Self { routed, user, payload, form: None })
    }

    /// Refuses what this version does not do, by name.
    ///
    /// # Errors
    /// `NotImplemented`.
    pub fn check_built(&self) -> Result<(), S3Error> {
        let route = self.routed.route;
        if route.built {
            return Ok(());
        }
        let message = format!("{} is not in this version.", route.operation.name());
        Err(S3Error::new(Code::NotImplemented, message))
    }
}

fn check_signature(
    routed: &Routed,
    credentials: &Credentials,
    region: &Rc<str>,
    now: WallTime,
) -> Result<(Rc<User>, Payload), S3Error> {
    let Routed { head, query, .. } = routed;
    let claim = Claim::of(head.headers(), query)?;
    claim.scope.check(claim.time.day(), region, claim.lifetime.is_some())?;
    check_time(&claim, now)?;
    check_signed_headers(&claim, head.headers())?;
    let mode = PayloadMode::parse(claim.payload)?;

    let (user, known) = credentials.look_up(claim.access_key);
    let key = user.signing_key(&claim.time, region);
    let hash = canonical::request_hash(head, query, claim.signed_headers, claim.payload);
    let string = canonical::string_to_sign(&claim.time, region, &hash);
    let signature: HexHash = sigv4::hex(hmac::sign(&key, &string).as_ref());
    let same = sigv4::same(&signature, claim.signature);
    match (known, same) {
        (true, true) => {}
        (true, false) => return Err(Code::SignatureDoesNotMatch.into()),
        (false, _) => {
            return Err(
                S3Error::from(Code::InvalidAccessKeyId).with("AWSAccessKeyId", claim.access_key)
            );
        }
    }
    let signer = || ChunkSigner::new(key, claim.time, Rc::clone(region), signature);
    let payload = match mode {
        PayloadMode::Unsigned => Payload::Unsigned,
        PayloadMode::Hashed(hash) => Payload::Hashed(hash),
        PayloadMode::SignedChunks { trailers } => {
            Payload::Chunked { signer: Some(Box::new(signer())), trailers }
        }
        PayloadMode::UnsignedChunks => Payload::Chunked { signer: None, trailers: true },
    };
    Ok((Rc::clone(user), payload))
}

/// Refuses signatures of another time: a header's beyond the skew, a URL's beyond its life.
fn check_time(claim: &Claim<'_>, now: WallTime) -> Result<(), S3Error> {
    let signed = Duration::from_nanos(claim.time.at().nanos());
    let now = Duration::from_nanos(now.nanos());
    let skewed = || {
        S3Error::from(Code::RequestTimeTooSkewed)
            .with("RequestTime", claim.time.text())
            .with("MaxAllowedSkewMilliseconds", &CLOCK_SKEW_MAX.as_millis().to_string())
    };
    if signed > now + CLOCK_SKEW_MAX {
        return Err(skewed());
    }
    match claim.lifetime {
        None if now > signed + CLOCK_SKEW_MAX => Err(skewed()),
        Some(lifetime) if now > signed + lifetime => {
            Err(S3Error::new(Code::AccessDenied, "Request has expired")
                .with("X-Amz-Expires", &lifetime.as_secs().to_string()))
        }
        _ => Ok(()),
    }
}

/// Every `x-amz-*` header must be signed, and `host`: an unsigned one could be added to a presigned
/// URL by whoever holds it, and turn an upload into a copy of somebody's object.
fn check_signed_headers(claim: &Claim<'_>, headers: &Headers) -> Result<(), S3Error> {
    let mut unsigned = headers
        .iter()
        .map(|(name, _)| name)
        .filter(|name| name.starts_with("x-amz-") && !claim.signs(name))
        .chain((!claim.signs("host")).then_some("host"))
        .peekable();
    if unsigned.peek().is_none() {
        return Ok(());
    }
    let names: Vec<_> = unsigned.collect();
    let message = "There were headers present in the request which were not signed";
    Err(S3Error::new(Code::AccessDenied, message).with("HeadersNotSigned", &names.join(", ")))
}
