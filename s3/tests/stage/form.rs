//! Forms as a browser sends them, signed as S3's documentation says and not by the product's code.

use super::Client;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hamster_core::WallTime;
use std::time::{Duration, SystemTime};

/// A form before its file.
#[derive(Clone)]
pub struct Form {
    pub fields: Vec<(String, String)>,
    pub filename: &'static str,
}

const BOUNDARY: &str = "----WebKitFormBoundary7MA4YWxkTrZu0gW";
pub const CONTENT_TYPE: &str =
    "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW";

/// How a form is signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Version {
    V2,
    V4,
}

impl Form {
    pub fn of(fields: &[(&str, &str)]) -> Self {
        let fields =
            fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { fields, filename: "f.txt" }
    }

    /// Adds a policy with these conditions (and those on the claim itself), good for an hour from
    /// `now`, and its signature.
    pub fn sign(
        mut self,
        version: Version,
        (access_key, secret): (&str, &str),
        now: WallTime,
        conditions: &str,
    ) -> Self {
        let (day, time) = (date(now, 8), date(now, 16));
        let mut add = |name: &str, value: &str| {
            self.fields.push((name.to_owned(), value.to_owned()));
        };
        let expiration = date(WallTime::from_secs(now.secs() + 3600), 0);
        let own = match version {
            Version::V2 => {
                add("AWSAccessKeyId", access_key);
                String::new()
            }
            Version::V4 => {
                let credential = format!("{access_key}/{day}/us-east-1/s3/aws4_request");
                add("x-amz-algorithm", "AWS4-HMAC-SHA256");
                add("x-amz-credential", &credential);
                add("x-amz-date", &time);
                format!(
                    ", {{\"x-amz-algorithm\": \"AWS4-HMAC-SHA256\"}}, \
                     {{\"x-amz-credential\": \"{credential}\"}}, {{\"x-amz-date\": \"{time}\"}}"
                )
            }
        };
        let policy = BASE64_STANDARD.encode(format!(
            "{{\"expiration\": \"{expiration}\", \"conditions\": [{conditions}{own}]}}"
        ));
        add("policy", &policy);
        match version {
            Version::V2 => {
                let algorithm = hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY;
                let key = hmac::Key::new(algorithm, secret.as_bytes());
                add("signature", &BASE64_STANDARD.encode(hmac::sign(&key, policy.as_bytes())));
            }
            Version::V4 => {
                let at = SystemTime::UNIX_EPOCH + Duration::from_secs(now.secs());
                let key = aws_sigv4::sign::v4::generate_signing_key(secret, at, "us-east-1", "s3");
                let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_ref());
                add("x-amz-signature", &hex::encode(hmac::sign(&key, policy.as_bytes())));
            }
        }
        self
    }

    /// The request's body, with this file.
    pub fn body(&self, file: &[u8]) -> Vec<u8> {
        let part = |(name, value): &(String, String)| {
            format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            )
        };
        let mut body: Vec<u8> = self.fields.iter().map(part).collect::<String>().into();
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n",
            self.filename
        );
        body.extend(head.into_bytes());
        body.extend(file);
        let submit = "Content-Disposition: form-data; name=\"submit\"\r\n\r\nUpload";
        let end = format!("\r\n--{BOUNDARY}\r\n{submit}\r\n--{BOUNDARY}--\r\n");
        body.extend(end.into_bytes());
        body
    }
}

impl Client {
    /// Posts a form; the browser adds nothing of its own.
    pub async fn post(&mut self, target: &str, form: &Form, file: &[u8]) -> super::Answer {
        let headers = [("content-type", CONTENT_TYPE)];
        self.send_as_is("POST", target, &headers, &form.body(file)).await
    }
}

/// The first `length` characters of `20130524T000000Z`, or all of `2013-05-24T00:00:00Z` for none.
fn date(at: WallTime, length: usize) -> String {
    let timestamp = jiff::Timestamp::from_second(i64::try_from(at.secs()).expect("this century"));
    let text = timestamp.expect("this century").to_string();
    match length {
        0 => text,
        length => text.replace(['-', ':'], "")[..length].to_owned(),
    }
}
