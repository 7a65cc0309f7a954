//! A browser's question before a script's request: the one kind of request that nobody signs. It is
//! answered from the bucket's CORS rules and reaches no verb.
//!
//! And what a browser must be told with the answer to the request itself.

use super::route::{Operation, Routed};
use crate::cors::{Asked, Configuration};
use crate::error::{Code, S3Error};
use crate::target::Target;
use hamster_meta::Meta;
use hamster_meta::record::SettingKind;
use hamster_net::http::{Head, Response};

/// Whether `routed` is a preflight.
pub fn is_one(routed: &Routed) -> bool {
    matches!(routed.operation(), Operation::CorsPreflightBucket | Operation::CorsPreflightObject)
}

/// Answers a preflight.
///
/// # Errors
/// `BadRequest` if it does not say what is asked, `AccessForbidden` if no rule allows that; of a bucket
/// that is not there none does.
pub async fn answer(routed: &Routed, meta: &Meta) -> Result<Response, S3Error> {
    let header = |name| routed.head.headers().get(name);
    let origin = header("origin").ok_or_else(|| {
        let message = "Insufficient information. Origin request header needed.";
        S3Error::new(Code::BadRequest, message)
    })?;
    let method = header("access-control-request-method").ok_or_else(|| {
        let message = "Invalid Access-Control-Request-Method: null";
        S3Error::new(Code::BadRequest, message)
    })?;
    let lines = routed.head.headers().get_all("access-control-request-headers");
    let headers = lines.flat_map(|line| line.split(','));
    let headers = headers.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned);
    let asked =
        Asked { origin: origin.to_owned(), method: method.to_owned(), headers: headers.collect() };
    let bucket = routed.target.bucket.as_deref().unwrap_or_default();
    let Some(rules) = rules(bucket, meta).await? else {
        let message = "CORSResponse: CORS is not enabled for this bucket.";
        return Err(S3Error::new(Code::AccessForbidden, message));
    };
    let Some(rule) = rules.allowing(&asked) else {
        let message = "CORSResponse: This CORS request is not allowed. This is usually because the \
                       evalution of Origin, request method / Access-Control-Request-Method or \
                       Access-Control-Request-Headers are not whitelisted by the resource's CORS \
                       spec.";
        return Err(S3Error::new(Code::AccessForbidden, message));
    };
    let mut response = Response::new(200);
    rule.add_to(&mut response, &asked);
    Ok(response)
}

/// A request that a browser sends for a script: its answer must say that the script may read it.
pub struct CrossOrigin {
    bucket: String,
    asked: Asked,
}

impl CrossOrigin {
    /// If the request names an origin and a bucket.
    pub fn of(head: &Head, domain: Option<&str>) -> Option<Self> {
        let origin = head.headers().get("origin")?.to_owned();
        let bucket = Target::of(head, domain).ok()?.bucket?;
        let method = head.method().as_str().to_owned();
        Some(Self { bucket, asked: Asked { origin, method, headers: Vec::new() } })
    }

    /// Adds what the bucket's rules allow to the answer, whatever that is: a script may read why it
    /// was refused.
    pub async fn add_to(self, response: &mut Response, meta: &Meta) {
        if let Ok(Some(rules)) = rules(&self.bucket, meta).await
            && let Some(rule) = rules.allowing(&self.asked)
        {
            rule.add_to(response, &self.asked);
        }
    }
}

async fn rules(bucket: &str, meta: &Meta) -> Result<Option<Configuration>, S3Error> {
    let Some(bucket) = meta.bucket(bucket).await? else { return Ok(None) };
    let document = meta.setting(bucket.id, SettingKind::Cors).await?;
    document.map(|document| Configuration::read(document.as_bytes())).transpose()
}
