//! The third step: may they. The one place that decides, with one action per route.
//!
//! Buckets belong to the user who made them; root may do everything. (Policies will be decided
//! here as well, by the action's name.)

use super::admit::Admitted;
use super::route::Routed;
use super::verify::Verified;
use crate::credentials::User;
use crate::error::{Code, S3Error};
use hamster_meta::Meta;
use hamster_meta::record::Bucket;
use std::rc::Rc;

/// A request that its sender may make, with the bucket it is about.
pub struct Authorized {
    pub(super) verified: Verified,
    pub(super) bucket: Option<Rc<Bucket>>,
}

impl Authorized {
    /// Looks the bucket up and decides.
    ///
    /// # Errors
    /// `NoSuchBucket`, `AccessDenied`, or the metadata does not answer.
    pub async fn check(verified: Verified, meta: &Meta) -> Result<Self, S3Error> {
        let routed = &verified.routed;
        let bucket = match (&routed.target.bucket, routed.route.action) {
            // Why: anyone may list their own buckets and make new ones.
            (None, _) | (Some(_), "s3:CreateBucket") => None,
            (Some(name), action) => Some(bucket_for(&verified.user, action, name, meta).await?),
        };
        if let Some(bucket) = &bucket {
            check_owner(bucket, routed.headers().get("x-amz-expected-bucket-owner"))?;
        }
        Ok(Self { verified, bucket })
    }
}

/// Why a request that nobody signed is refused: for want of the bucket it names, if there is none. As in
/// S3, where anyone learns as much who tries to make a bucket of that name.
pub async fn unsigned(routed: &Routed, meta: &Meta) -> S3Error {
    let name = match (&routed.target.bucket, routed.route.action) {
        (None, _) | (Some(_), "s3:CreateBucket") => return Code::AccessDenied.into(),
        (Some(name), _) => name,
    };
    match meta.bucket(name).await {
        Ok(Some(_)) => Code::AccessDenied.into(),
        Ok(None) => no_such(name),
        Err(error) => error.into(),
    }
}

/// A copy's source bucket, if the sender of the copy may read it.
///
/// # Errors
/// As [`Authorized::check`].
pub async fn copy_source<O>(
    request: &Admitted<O>,
    name: &str,
    meta: &Meta,
) -> Result<Rc<Bucket>, S3Error> {
    let bucket = bucket_for(request.user(), "s3:GetObject", name, meta).await?;
    check_owner(&bucket, request.headers().get("x-amz-source-expected-bucket-owner"))?;
    Ok(bucket)
}

/// Refuses a bucket that is not the one whom the client takes for its owner.
fn check_owner(bucket: &Bucket, expected: Option<&str>) -> Result<(), S3Error> {
    match expected {
        Some(expected) if expected != bucket.owner => Err(Code::AccessDenied.into()),
        _ => Ok(()),
    }
}

/// The bucket `name`, if `user` may do `action` in it.
async fn bucket_for(
    user: &User,
    action: &'static str,
    name: &str,
    meta: &Meta,
) -> Result<Rc<Bucket>, S3Error> {
    let bucket = meta.bucket(name).await?.ok_or_else(|| no_such(name))?;
    if user.is_root() || bucket.owner == user.id() {
        return Ok(bucket);
    }
    tracing::debug!(user = user.id(), action, bucket = name, "refused");
    Err(Code::AccessDenied.into())
}

fn no_such(name: &str) -> S3Error {
    S3Error::from(Code::NoSuchBucket).with("BucketName", name)
}
