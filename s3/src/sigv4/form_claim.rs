//! What a form says about its own signature, of version 4 or 2: what is signed is its policy, as sent.
//! Nothing of it is believed here.
//! (<https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-authentication-HTTPPOST.html>)

use super::claim::{Scope, split_credential};
use super::{ALGORITHM, hex, same};
use crate::credentials::User;
use crate::error::{Code, S3Error};
use crate::form::{Form, argument};
use crate::time::SigningTime;
use aws_lc_rs::{constant_time, hmac};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hamster_core::WallTime;
use hamster_core::limits::{CLOCK_SKEW_MAX, FORM_SIGNATURE_LIFETIME_MAX};
use std::time::Duration;

/// The claim of one form.
#[derive(Debug)]
pub struct FormClaim<'a> {
    /// Who it claims to be from.
    pub access_key: &'a str,
    /// What is signed.
    pub policy: &'a str,
    /// The signature, in the coding of its version.
    pub signature: &'a str,
    version: Version,
}

#[derive(Debug)]
enum Version {
    /// HMAC-SHA-1 with the secret itself, in base64.
    V2,
    /// HMAC-SHA-256 with the key of a time, in hexadecimal.
    V4(SigningTime),
}

/// Fields of a claim of version 4.
const FIELDS_V4: [&str; 3] = ["x-amz-algorithm", "x-amz-credential", "x-amz-signature"];
/// Fields of a claim of version 2.
const FIELDS_V2: [&str; 2] = ["AWSAccessKeyId", "signature"];
/// The field of a session, of either.
const SESSION: &str = "x-amz-security-token";

impl<'a> FormClaim<'a> {
    /// Whether `form` says nothing about who sent it.
    pub fn is_absent(form: &Form) -> bool {
        !has_any(form, &FIELDS_V4) && !has_any(form, &FIELDS_V2) && !has_any(form, &[SESSION])
    }

    /// Reads the claim of a form, which must be for this region.
    ///
    /// # Errors
    /// `AccessDenied` without any claim (anonymous), `InvalidArgument` with two, half of one or a
    /// malformed one, `InvalidToken` with a session's.
    pub fn of(form: &'a Form, region: &str) -> Result<Self, S3Error> {
        if has_any(form, &[SESSION]) {
            return Err(Code::InvalidToken.into());
        }
        match (has_any(form, &FIELDS_V4), has_any(form, &FIELDS_V2)) {
            (false, false) => Err(Code::AccessDenied.into()),
            (true, true) => Err(argument(
                "Only one auth mechanism allowed; only the X-Amz-Signature or the Signature field \
                 should be specified",
                "Signature",
                form.get("signature").unwrap_or_default(),
            )),
            (true, false) => Self::v4(form, region),
            (false, true) => Ok(Self {
                access_key: form.required("AWSAccessKeyId")?,
                signature: form.required("Signature")?,
                policy: form.required("Policy")?,
                version: Version::V2,
            }),
        }
    }

    fn v4(form: &'a Form, region: &str) -> Result<Self, S3Error> {
        let algorithm = form.required("X-Amz-Algorithm")?;
        if algorithm != ALGORITHM {
            let message = "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"";
            return Err(argument(message, "X-Amz-Algorithm", algorithm));
        }
        let credential = form.required("X-Amz-Credential")?;
        let (access_key, scope) = split_credential(credential).ok_or_else(|| {
            let message = "the Credential is mal-formed; expecting \
                           \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".";
            argument(message, "X-Amz-Credential", credential)
        })?;
        let date = form.required("X-Amz-Date")?;
        let time = SigningTime::parse(date).ok_or_else(|| {
            argument("X-Amz-Date must be formated via ISO8601 Long format", "X-Amz-Date", date)
        })?;
        check_scope(&scope, &time, region, credential)?;
        Ok(Self {
            access_key,
            signature: form.required("X-Amz-Signature")?,
            policy: form.required("Policy")?,
            version: Version::V4(time),
        })
    }

    /// Whether `user` signed the policy, in a time that does not tell where signatures differ.
    #[must_use]
    pub fn is_signed_by(&self, user: &User, region: &str) -> bool {
        match &self.version {
            Version::V4(time) => {
                let key = user.signing_key(time, region);
                same(&hex(hmac::sign(&key, self.policy.as_bytes()).as_ref()), self.signature)
            }
            Version::V2 => {
                let tag = hmac::sign(&user.form_key_v2(), self.policy.as_bytes());
                let ours = BASE64_STANDARD.encode(tag);
                let theirs = self.signature.as_bytes();
                constant_time::verify_slices_are_equal(ours.as_bytes(), theirs).is_ok()
            }
        }
    }

    /// Refuses a signature of the future, and one older than its key may be. (A policy says by itself
    /// how long it is good for.)
    ///
    /// # Errors
    /// `RequestTimeTooSkewed`, `AccessDenied`.
    pub fn check_time(&self, now: WallTime) -> Result<(), S3Error> {
        let Version::V4(time) = &self.version else { return Ok(()) };
        let signed = Duration::from_nanos(time.at().nanos());
        let now = Duration::from_nanos(now.nanos());
        if signed > now + CLOCK_SKEW_MAX {
            return Err(S3Error::from(Code::RequestTimeTooSkewed).with("RequestTime", time.text()));
        }
        if now > signed + FORM_SIGNATURE_LIFETIME_MAX {
            return Err(S3Error::new(Code::AccessDenied, "Request has expired"));
        }
        Ok(())
    }
}

fn has_any(form: &Form, names: &[&str]) -> bool {
    names.iter().any(|name| form.get(name).is_some())
}

/// As [`Scope::check`], in the words that forms are refused with.
fn check_scope(
    scope: &Scope<'_>,
    time: &SigningTime,
    region: &str,
    credential: &str,
) -> Result<(), S3Error> {
    scope.check(time.day(), region, true).map_err(|error| {
        let message = error.message().trim_start_matches("The authorization claim is malformed; ");
        argument(message, "X-Amz-Credential", credential).with("Region", region)
    })
}
