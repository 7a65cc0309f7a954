//! Between the first two steps, for PostObject alone: the form is read up to its file, because it says
//! there who asks. Nothing is checked by reading; the signature over the policy and the policy's
//! conditions are, before it counts as [`Verified`].

use super::admit::Admission;
use super::route::Routed;
use super::verify::Verified;
use crate::credentials::Credentials;
use crate::error::{Code, S3Error};
use crate::form::{self, FileDecoder, Form, HeadReader, Policy, Progress};
use crate::sigv4::{FormClaim, Payload};
use crate::target::check_key_length;
use hamster_core::limits::{FORM_HEAD_TIMEOUT, FORM_STEP_BYTES};
use hamster_core::sync::Permit;
use hamster_core::{Core, WallTime};
use hamster_net::http::BodyLength;
use std::ops::RangeInclusive;
use std::rc::Rc;

/// A form that has been read up to its file, and is not believed yet.
pub struct Posted {
    routed: Routed,
    form: Form,
    decoder: FileDecoder,
    permit: Permit,
}

/// A form whose policy was signed and allows it.
pub struct CheckedForm {
    pub(super) form: Form,
    /// Finds the end of the file, which is what is left of the body.
    pub(super) decoder: FileDecoder,
    /// Those the file may have.
    pub(super) sizes: RangeInclusive<u64>,
}

impl Posted {
    /// Reads the form of `routed`, within `FORM_HEAD_TIMEOUT` and the bounds of
    /// [`HeadReader`].
    ///
    /// # Errors
    /// `InvalidArgument` for a request that is signed otherwise, `PreconditionFailed` for a body that
    /// is no form, `MissingContentLength`, `SlowDown`, `RequestTimeout`, and as [`HeadReader::feed`].
    pub async fn read(
        mut routed: Routed,
        core: &Core,
        admission: &Admission,
    ) -> Result<Self, S3Error> {
        if is_signed_by_head(&routed) {
            return Err(not_by_form(&routed));
        }
        let boundary = form::boundary(routed.head.headers())?;
        let BodyLength::Exact(_) = routed.body.length() else {
            return Err(Code::MissingContentLength.into());
        };
        let permit = admission.admit_form_head()?;
        let mut reader = HeadReader::new(&boundary);
        let deadline = core.clock().now() + FORM_HEAD_TIMEOUT;
        loop {
            // Why not the body's patience alone: a silent client would keep its permit twice as
            // long. A fill that is dropped loses no byte.
            let filling = core.clock().until(deadline, routed.body.fill());
            let bytes = filling.await.map_err(|_| Code::RequestTimeout)??;
            let (piece, _) = bytes.split_at(bytes.len().min(FORM_STEP_BYTES));
            if piece.is_empty() {
                return Err(Code::MalformedPOSTRequest.into());
            }
            let count = piece.len();
            let progress = reader.feed(piece)?;
            if let Progress::File { surplus } = progress {
                routed.body.consume(count - surplus);
                break;
            }
            routed.body.consume(count);
        }
        let (form, decoder) = (reader.into_form(), FileDecoder::new(&boundary));
        Ok(Self { routed, form, decoder, permit })
    }

    /// The request, if nobody has signed its form.
    pub fn unsigned(&self) -> Option<&Routed> {
        FormClaim::is_absent(&self.form).then_some(&self.routed)
    }
}

impl Verified {
    /// Checks the signature over the policy of `posted` at the time `now`, and then the form against
    /// the policy.
    ///
    /// # Errors
    /// S3's codes for what is missing, malformed, late, wrong or not allowed. An unknown key takes as
    /// long as a wrong signature.
    pub fn check_form(
        posted: Posted,
        credentials: &Credentials,
        region: &Rc<str>,
        now: WallTime,
    ) -> Result<Self, S3Error> {
        let Posted { mut routed, form, decoder, permit } = posted;
        let claim = FormClaim::of(&form, region)?;
        claim.check_time(now)?;
        let (user, known) = credentials.look_up(claim.access_key);
        match (known, claim.is_signed_by(user, region)) {
            (true, true) => {}
            (true, false) => {
                return Err(S3Error::from(Code::SignatureDoesNotMatch)
                    .with("AWSAccessKeyId", claim.access_key)
                    .with("StringToSign", claim.policy)
                    .with("SignatureProvided", claim.signature));
            }
            (false, _) => {
                return Err(S3Error::from(Code::InvalidAccessKeyId)
                    .with("AWSAccessKeyId", claim.access_key));
            }
        }
        let bucket = routed.target.bucket.as_deref().unwrap_or_default();
        let sizes = Policy::decode(claim.policy)?.check(&form, bucket, now)?;
        let key = form.key()?;
        check_key_length(key)?;
        routed.target.key = Some(key.to_owned());
        let user = Rc::clone(user);
        drop(permit);
        let form = Some(Box::new(CheckedForm { form, decoder, sizes }));
        Ok(Self { routed, user, payload: Payload::Unsigned, form })
    }
}

/// Whether the head of a request claims anything about who sent it.
fn is_signed_by_head(routed: &Routed) -> bool {
    const QUERY: [&str; 5] =
        ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "AWSAccessKeyId", "Signature"];
    routed.head.headers().get("authorization").is_some()
        || QUERY.iter().any(|name| routed.query.has(name))
}

/// Why a PostObject whose form was not read is refused.
pub(super) fn not_by_form(routed: &Routed) -> S3Error {
    if !is_signed_by_head(routed) {
        return Code::AccessDenied.into();
    }
    S3Error::argument(
        "Only one auth mechanism allowed; a form is signed by its own fields, not by the \
         Authorization header or the query",
        "Authorization",
        "",
    )
}
