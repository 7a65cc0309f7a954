//! The last step: is there room. Bounds the requests that one core works on at once.

use super::authorize::Authorized;
use super::route::{Operation, Routed};
use crate::body::{Body, ChecksumOf, FormFile};
use crate::credentials::User;
use crate::error::{Code, S3Error};
use crate::form::Form;
use crate::query::Query;
use crate::sigv4::Payload;
use crate::verb::post::PostObject;
use bytes::Bytes;
use hamster_core::Core;
use hamster_core::limits::{FORM_HEADS_PER_CORE_MAX, REQUESTS_PER_CORE_MAX};
use hamster_core::sync::{Permit, Semaphore};
use hamster_meta::record::Bucket;
use hamster_net::http::{BodyLength, Headers, RequestBody};
use std::marker::PhantomData;

/// How many more requests this core takes.
pub struct Admission {
    requests: Semaphore,
    form_heads: Semaphore,
}

impl Default for Admission {
    fn default() -> Self {
        Self {
            requests: Semaphore::new(REQUESTS_PER_CORE_MAX),
            form_heads: Semaphore::new(FORM_HEADS_PER_CORE_MAX),
        }
    }
}

impl Admission {
    /// Takes one more in.
    ///
    /// # Errors
    /// `SlowDown` if there is no room: the client comes again.
    pub fn admit(&self, authorized: Authorized) -> Result<Admitted<()>, S3Error> {
        let permit = self.requests.try_acquire(1).ok_or(Code::SlowDown)?;
        Ok(Admitted { authorized, permit, kind: PhantomData })
    }

    /// Has one more form's head in memory while the permit lives. Why its own bound: nobody has
    /// signed yet, so it must not cost those who have their places.
    pub(super) fn admit_form_head(&self) -> Result<Permit, S3Error> {
        self.form_heads.try_acquire(1).ok_or_else(|| Code::SlowDown.into())
    }
}

/// A request that may be acted on: an operation `O`, verified, authorized and within bounds.
pub struct Admitted<O> {
    authorized: Authorized,
    permit: Permit,
    kind: PhantomData<O>,
}

impl Admitted<()> {
    /// Which operation it is.
    pub fn operation(&self) -> Operation {
        self.routed().operation()
    }

    /// The same request for the verb of one operation. Called by the service's dispatch only, right
    /// behind a match on [`Admitted::operation`].
    pub(crate) fn of<O>(self) -> Admitted<O> {
        Admitted { authorized: self.authorized, permit: self.permit, kind: PhantomData }
    }
}

impl<O> Admitted<O> {
    fn routed(&self) -> &Routed {
        &self.authorized.verified.routed
    }

    /// The headers, and what a presigned URL says in their stead.
    pub fn headers(&self) -> &Headers {
        self.routed().headers()
    }

    /// The query.
    pub fn query(&self) -> &Query {
        &self.routed().query
    }

    /// The bucket it is about.
    ///
    /// # Panics
    /// If the operation is about none.
    pub fn bucket(&self) -> &Bucket {
        self.authorized.bucket.as_ref().expect("authorization looked it up for all routes but two")
    }

    /// The bucket's name as sent; empty for the service.
    pub fn bucket_name(&self) -> &str {
        self.routed().target.bucket.as_deref().unwrap_or_default()
    }

    /// The key; empty for a bucket or the service.
    pub fn key(&self) -> &str {
        self.routed().target.key.as_deref().unwrap_or_default()
    }

    /// Who asks.
    pub fn user(&self) -> &User {
        &self.authorized.verified.user
    }

    /// Its URL as the client wrote it, path-style or virtual-hosted, without the query.
    pub fn url(&self) -> String {
        let Routed { head, secure, .. } = self.routed();
        let scheme = if *secure { "https" } else { "http" };
        let host = head.headers().get("host").unwrap_or_default();
        format!("{scheme}://{host}{}", head.path())
    }

    /// Refuses a request that does not say how long its body is: an object would be made of nothing,
    /// whatever the client sends behind the head.
    ///
    /// # Errors
    /// `MissingContentLength`.
    pub fn check_length_stated(&self) -> Result<(), S3Error> {
        match self.routed().body.length() {
            BodyLength::None => Err(Code::MissingContentLength.into()),
            BodyLength::Exact(_) | BodyLength::Chunked => Ok(()),
        }
    }

    /// Opens the body. It is there once: a second call gives an empty one.
    ///
    /// # Errors
    /// As [`Body::open`].
    pub fn open_body(&mut self, core: &Core, checksum: ChecksumOf) -> Result<Body, S3Error> {
        let verified = &mut self.authorized.verified;
        let payload = std::mem::replace(&mut verified.payload, Payload::Unsigned);
        let empty = RequestBody::whole(Bytes::new());
        let source = std::mem::replace(&mut verified.routed.body, empty);
        Body::open(source, payload, verified.routed.head.headers(), checksum, core)
    }

    /// The permit, for an answer that streams on after the verb has returned.
    pub fn into_permit(self) -> Permit {
        self.permit
    }
}

impl Admitted<PostObject> {
    /// The fields of the form as headers, the form itself, and its file, which is there once.
    ///
    /// # Errors
    /// `InvalidArgument` for fields that cannot be headers, and as [`FormFile::open`].
    pub fn open_form(&mut self, core: &Core) -> Result<(Headers, Form, FormFile), S3Error> {
        let verified = &mut self.authorized.verified;
        let posted = *verified.form.take().expect("verification put it there for this operation");
        let headers = posted.form.headers()?;
        let empty = RequestBody::whole(Bytes::new());
        let source = std::mem::replace(&mut verified.routed.body, empty);
        let file = FormFile::open(source, posted.decoder, posted.sizes, &headers, core)?;
        Ok((headers, posted.form, file))
    }
}
