//! What a request says about its own signature: in the Authorization header or in the query of a
//! presigned URL. Nothing of it is believed here.

use super::{ALGORITHM, SERVICE, TERMINATOR, UNSIGNED_PAYLOAD};
use crate::error::{Code, S3Error};
use crate::query::Query;
use crate::time::{SigningTime, parse_http_date};
use hamster_core::limits::PRESIGNED_LIFETIME_MAX;
use hamster_net::http::Headers;
use std::time::Duration;

/// The claim of one request.
#[derive(Debug)]
pub struct Claim<'a> {
    /// Who it claims to be from.
    pub access_key: &'a str,
    /// `day/region/service/aws4_request`, as sent.
    pub scope: Scope<'a>,
    /// When it was signed.
    pub time: SigningTime,
    /// The names of the signed headers, as sent: lower case, separated by semicolons.
    pub signed_headers: &'a str,
    /// The signature, in hexadecimal.
    pub signature: &'a str,
    /// The payload's hash or what stands in its place.
    pub payload: &'a str,
    /// How long a presigned URL lives; `None` for a signed header.
    pub lifetime: Option<Duration>,
}

/// What a signing key is good for.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the fields are SigV4's own")]
pub struct Scope<'a> {
    pub day: &'a str,
    pub region: &'a str,
    pub service: &'a str,
}

impl<'a> Claim<'a> {
    /// Reads the claim of a request.
    ///
    /// # Errors
    /// `AccessDenied` without any claim (anonymous), `InvalidArgument` with two, `InvalidRequest`
    /// with one of an older version, and S3's codes for malformed ones.
    pub fn of(headers: &'a Headers, query: &'a Query) -> Result<Self, S3Error> {
        let mut authorization = authorizations(headers);
        let presigned = is_presigned(query);
        match (authorization.next(), presigned) {
            // That of a URL presigned by version 2.
            (None, false) if query.has("AWSAccessKeyId") => Err(unsupported()),
            (None, false) => Err(Code::AccessDenied.into()),
            (Some(header), false) if authorization.next().is_none() => {
                Self::of_header(header, headers)
            }
            (Some(header), _) => Err(S3Error::argument(
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature \
                 query string parameter or the Authorization header should be specified",
                "Authorization",
                header.split(' ').next().unwrap_or_default(),
            )),
            (None, true) => Self::of_query(query, headers),
        }
    }

    /// Whether a request claims nothing about who sent it.
    pub fn is_absent(headers: &Headers, query: &Query) -> bool {
        authorizations(headers).next().is_none()
            && !is_presigned(query)
            && !query.has("AWSAccessKeyId")
    }

    /// `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`
    fn of_header(header: &'a str, headers: &'a Headers) -> Result<Self, S3Error> {
        let fields = header.strip_prefix(ALGORITHM).ok_or_else(unsupported)?;
        let malformed = || S3Error::from(Code::AuthorizationHeaderMalformed);
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for field in fields.split(',') {
            let (name, value) = field.trim().split_once('=').ok_or_else(malformed)?;
            let slot = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut signed_headers,
                "Signature" => &mut signature,
                _ => return Err(malformed()),
            };
            if slot.replace(value).is_some() {
                return Err(malformed());
            }
        }
        let (access_key, scope) = credential.and_then(split_credential).ok_or_else(malformed)?;
        let payload = headers.get("x-amz-content-sha256").ok_or_else(|| {
            S3Error::new(
                Code::InvalidRequest,
                "Missing required header for this request: x-amz-content-sha256",
            )
        })?;
        Ok(Self {
            access_key,
            scope,
            time: header_time(headers)?,
            signed_headers: signed_headers.ok_or_else(malformed)?,
            signature: signature.ok_or_else(malformed)?,
            payload,
            lifetime: None,
        })
    }

    fn of_query(query: &'a Query, headers: &'a Headers) -> Result<Self, S3Error> {
        let malformed = |message| S3Error::new(Code::AuthorizationQueryParametersError, message);
        let required = |name| {
            query.get(name).ok_or_else(|| {
                malformed(
                    "Query-string authentication version 4 requires the X-Amz-Algorithm, \
                     X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and \
                     X-Amz-Expires parameters.",
                )
            })
        };
        if required("X-Amz-Algorithm")? != ALGORITHM {
            return Err(malformed("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\""));
        }
        let (access_key, scope) =
            split_credential(required("X-Amz-Credential")?).ok_or_else(|| {
                malformed(
                    "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; \
                 expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".",
                )
            })?;
        let time = SigningTime::parse(required("X-Amz-Date")?).ok_or_else(|| {
            malformed("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
        })?;
        let seconds: u64 = required("X-Amz-Expires")?
            .parse()
            .map_err(|_| malformed("X-Amz-Expires should be a number"))?;
        let lifetime = Duration::from_secs(seconds);
        if lifetime > PRESIGNED_LIFETIME_MAX {
            return Err(malformed(
                "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds",
            ));
        }
        let payload = headers
            .get("x-amz-content-sha256")
            .or_else(|| query.get("X-Amz-Content-Sha256"))
            .unwrap_or(UNSIGNED_PAYLOAD);
        Ok(Self {
            access_key,
            scope,
            time,
            signed_headers: required("X-Amz-SignedHeaders")?,
            signature: required("X-Amz-Signature")?,
            payload,
            lifetime: Some(lifetime),
        })
    }

    /// Whether the header `name` (lower case) is among the signed ones.
    pub fn signs(&self, name: &str) -> bool {
        self.signed_headers.split(';').any(|signed| signed == name)
    }
}

/// A way to sign that is not ours.
fn unsupported() -> S3Error {
    S3Error::new(
        Code::InvalidRequest,
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
    )
}

/// The time in `x-amz-date`, or in `Date` without it.
fn header_time(headers: &Headers) -> Result<SigningTime, S3Error> {
    let time = match headers.get("x-amz-date") {
        Some(text) => SigningTime::parse(text),
        None => headers.get("date").and_then(|text| {
            SigningTime::parse(text).or_else(|| parse_http_date(text).map(SigningTime::of))
        }),
    };
    time.ok_or_else(|| {
        S3Error::new(
            Code::AccessDenied,
            "AWS authentication requires a valid Date or x-amz-date header",
        )
    })
}

/// The Authorization headers. Why not empty ones: they claim nothing, as S3 sees it.
fn authorizations(headers: &Headers) -> impl Iterator<Item = &str> {
    headers.get_all("authorization").filter(|header| !header.is_empty())
}

fn is_presigned(query: &Query) -> bool {
    query.has("X-Amz-Algorithm") || query.has("X-Amz-Signature")
}

/// `access-key/day/region/service/aws4_request`; the access key may hold slashes.
pub(super) fn split_credential(credential: &str) -> Option<(&str, Scope<'_>)> {
    let mut fields = credential.rsplitn(5, '/');
    let terminator = fields.next()?;
    let (service, region, day) = (fields.next()?, fields.next()?, fields.next()?);
    let access_key = fields.next()?;
    let good = terminator == TERMINATOR && day.len() == 8 && !access_key.is_empty();
    good.then_some((access_key, Scope { day, region, service }))
}

impl Scope<'_> {
    /// Refuses a scope that is not of this day, region and service.
    ///
    /// # Errors
    /// `AuthorizationHeaderMalformed`, or `AuthorizationQueryParametersError` if `presigned`.
    pub fn check(&self, day: &str, region: &str, presigned: bool) -> Result<(), S3Error> {
        let code = if presigned {
            Code::AuthorizationQueryParametersError
        } else {
            Code::AuthorizationHeaderMalformed
        };
        let refusal = |what: &str, ours: &str, theirs: &str| {
            S3Error::new(
                code,
                format!(
                    "The authorization claim is malformed; the {what} '{theirs}' is wrong; \
                     expecting '{ours}'"
                ),
            )
        };
        if self.region != region {
            return Err(refusal("region", region, self.region).with("Region", region));
        }
        if self.service != SERVICE {
            return Err(refusal("service", SERVICE, self.service));
        }
        if self.day != day {
            return Err(refusal("date", day, self.day));
        }
        Ok(())
    }
}
