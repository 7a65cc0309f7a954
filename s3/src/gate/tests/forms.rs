//! Facts about forms at the gate: whose policy was signed gets through, and nobody else.

use super::{after, head, request};
use crate::credentials::Credentials;
use crate::error::Code;
use crate::gate::{Admission, Posted, Routed, Verified};
use crate::sigv4::hex;
use crate::testing::{ACCESS_KEY, NOW, REGION, SECRET_KEY};
use crate::time::SigningTime;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use hamster_core::limits::FORM_HEAD_TIMEOUT;
use hamster_core::{Core, Queue, WallTime, sim};
use hamster_net::http::{Drain, Request, Response, Service, serve};
use std::rc::Rc;
use std::time::Duration;

const BOUNDARY: &str = "9431149156168";

fn credentials() -> Credentials {
    Credentials::new(Some((ACCESS_KEY, SECRET_KEY)), None).expect("good")
}

/// The body of a form with these fields and a file.
fn body(fields: &[(&str, &str)]) -> Vec<u8> {
    let part = |(name, value): &(&str, &str)| {
        format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        )
    };
    let fields: String = fields.iter().map(part).collect();
    let file = "Content-Disposition: form-data; name=\"file\"; filename=\"MyFilename.jpg\"\r\n\
                Content-Type: image/jpeg\r\n\r\nfile_content";
    format!("{fields}--{BOUNDARY}\r\n{file}\r\n--{BOUNDARY}--").into_bytes()
}

/// Takes a form for `path` to the end of the second step: the key, or the refusal.
fn verify(
    (path, headers): (&str, &[(&str, &str)]),
    body: &[u8],
    now: WallTime,
) -> Result<String, (Code, String)> {
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    let mut all = vec![("content-type", content_type.as_str())];
    all.retain(|_| !headers.iter().any(|(name, _)| *name == "content-type"));
    all.extend(headers);
    let request = request(head("POST", path, &all), body);
    let checked = sim::run(1, move |core| async move {
        let routed = Routed::of(request, None)?;
        let posted = Posted::read(routed, &core, &Admission::default()).await?;
        let verified = Verified::check_form(posted, &credentials(), &Rc::from(REGION), now)?;
        Ok(verified.routed.target.key.expect("of the form"))
    });
    checked.map_err(|error: crate::S3Error| (error.code(), error.message().to_owned()))
}

fn code(result: Result<String, (Code, String)>) -> Result<String, Code> {
    result.map_err(|(code, _)| code)
}

/// Fields of a form for `bucket` signed by version 4 at this time, with conditions on all of them.
fn signed(at: WallTime, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let time = SigningTime::of(at);
    let credential = format!("{ACCESS_KEY}/{}/{REGION}/s3/aws4_request", time.day());
    let mut fields = vec![
        ("key".to_owned(), "user/${filename}".to_owned()),
        ("x-amz-algorithm".to_owned(), "AWS4-HMAC-SHA256".to_owned()),
        ("x-amz-credential".to_owned(), credential),
        ("x-amz-date".to_owned(), time.text().to_owned()),
    ];
    fields.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let policy = policy_about(&fields);
    let credentials = credentials();
    let key = credentials.look_up(ACCESS_KEY).0.signing_key(&time, REGION);
    let signature = hex(hmac::sign(&key, policy.as_bytes()).as_ref());
    fields.push(("policy".to_owned(), policy));
    let signature = String::from_utf8(signature.to_vec()).expect("hexadecimal");
    fields.push(("x-amz-signature".to_owned(), signature));
    fields
}

/// A policy that allows any value of these fields, for years.
fn policy_about(fields: &[(String, String)]) -> String {
    let conditions: Vec<_> =
        fields.iter().map(|(name, _)| format!("[\"starts-with\", \"${name}\", \"\"]")).collect();
    BASE64_STANDARD.encode(format!(
        "{{\"expiration\": \"2023-05-24T00:00:00Z\", \"conditions\": [{{\"bucket\": \"bucket\"}}, {}]}}",
        conditions.join(", ")
    ))
}

fn signed_v2(secret: &str) -> Vec<(String, String)> {
    let key = ("key".to_owned(), "k".to_owned());
    let policy = policy_about(std::slice::from_ref(&key));
    let sha1 = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    let signature = BASE64_STANDARD.encode(hmac::sign(&sha1, policy.as_bytes()));
    vec![
        key,
        ("AWSAccessKeyId".to_owned(), ACCESS_KEY.to_owned()),
        ("policy".to_owned(), policy),
        ("signature".to_owned(), signature),
    ]
}

/// The outcome for a form of these fields, after a change to them.
fn changed(
    mut fields: Vec<(String, String)>,
    now: WallTime,
    change: impl FnOnce(&mut Vec<(String, String)>),
) -> Result<String, Code> {
    change(&mut fields);
    let fields: Vec<_> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    code(verify(("/bucket", &[]), &body(&fields), now))
}

/// Sets a field (or drops it, where there is no value).
fn set(fields: &mut Vec<(String, String)>, name: &str, value: Option<&str>) {
    fields.retain(|(it, _)| it != name);
    fields.extend(value.map(|value| (name.to_owned(), value.to_owned())));
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-post-example.html>
#[test]
fn the_documented_form_is_accepted() {
    let policy = [
        "{ \"expiration\": \"2015-12-30T12:00:00.000Z\",",
        "  \"conditions\": [",
        "    {\"bucket\": \"sigv4examplebucket\"},",
        "    [\"starts-with\", \"$key\", \"user/user1/\"],",
        "    {\"acl\": \"public-read\"},",
        "    {\"success_action_redirect\": \"http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html\"},",
        "    [\"starts-with\", \"$Content-Type\", \"image/\"],",
        "    {\"x-amz-meta-uuid\": \"14365123651274\"},",
        "    {\"x-amz-server-side-encryption\": \"AES256\"},",
        "    [\"starts-with\", \"$x-amz-meta-tag\", \"\"],",
        "",
        "    {\"x-amz-credential\": \"AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request\"},",
        "    {\"x-amz-algorithm\": \"AWS4-HMAC-SHA256\"},",
        "    {\"x-amz-date\": \"20151229T000000Z\" }",
        "  ]",
        "}",
    ];
    let policy = BASE64_STANDARD.encode(policy.join("\r\n"));
    let fields = [
        ("key", "user/user1/${filename}"),
        ("acl", "public-read"),
        (
            "success_action_redirect",
            "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html",
        ),
        ("Content-Type", "image/jpeg"),
        ("x-amz-meta-uuid", "14365123651274"),
        ("x-amz-server-side-encryption", "AES256"),
        ("X-Amz-Credential", "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"),
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Date", "20151229T000000Z"),
        ("x-amz-meta-tag", ""),
        ("Policy", &policy),
        ("X-Amz-Signature", "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"),
    ];
    let now = WallTime::from_secs(1_451_347_200);
    let accepted = verify(("/sigv4examplebucket", &[]), &body(&fields), now);
    assert_eq!(accepted, Ok("user/user1/MyFilename.jpg".to_owned()));
    let elsewhere = code(verify(("/another", &[]), &body(&fields), now));
    assert_eq!(elsewhere, Err(Code::AccessDenied));
}

#[test]
fn both_versions_are_accepted_and_no_other_secret() {
    let key = |key: &str| Ok(key.to_owned());
    assert_eq!(changed(signed(NOW, &[]), NOW, |_| {}), key("user/MyFilename.jpg"));
    assert_eq!(changed(signed_v2(SECRET_KEY), NOW, |_| {}), key("k"));
    let wrong = Err(Code::SignatureDoesNotMatch);
    assert_eq!(changed(signed_v2("another secret"), NOW, |_| {}), wrong);
    for fields in [signed(NOW, &[]), signed_v2(SECRET_KEY)] {
        let forged = |fields: &mut Vec<(String, String)>| {
            let all = policy_about(&[]);
            set(fields, "policy", Some(&all));
        };
        assert_eq!(changed(fields.clone(), NOW, forged), wrong);
        for name in ["x-amz-signature", "signature"] {
            let flipped = |fields: &mut Vec<(String, String)>| {
                for (field, value) in fields {
                    if field == name {
                        let first = if value.starts_with('0') { "1" } else { "0" };
                        value.replace_range(..1, first);
                    }
                }
            };
            let ours = fields.iter().any(|(field, _)| field == name);
            assert_eq!(changed(fields.clone(), NOW, flipped).is_err(), ours, "{name}");
        }
    }
}

#[test]
fn an_unknown_key_is_refused() {
    let unknown = Err(Code::InvalidAccessKeyId);
    let v4 = changed(signed(NOW, &[]), NOW, |fields| {
        let scope = format!("nobody/20130524/{REGION}/s3/aws4_request");
        set(fields, "x-amz-credential", Some(&scope));
    });
    assert_eq!(v4, unknown);
    let v2 = changed(signed_v2(SECRET_KEY), NOW, |fields| {
        set(fields, "AWSAccessKeyId", Some("nobody"));
    });
    assert_eq!(v2, unknown);
}

#[test]
fn a_form_without_a_claim_is_anonymous_and_half_a_claim_is_none() {
    let outcome = |fields: Vec<(String, String)>, name: &str| {
        let mut fields = fields;
        set(&mut fields, name, None);
        let fields: Vec<_> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        verify(("/bucket", &[]), &body(&fields), NOW)
    };
    let missing = |name: &str| {
        let message = format!(
            "Bucket POST must contain a field named '{name}'.  If it is specified, please check the \
             order of the fields."
        );
        Err((Code::InvalidArgument, message))
    };
    let v4 = signed(NOW, &[]);
    assert_eq!(outcome(v4.clone(), "x-amz-algorithm"), missing("X-Amz-Algorithm"));
    assert_eq!(outcome(v4.clone(), "x-amz-credential"), missing("X-Amz-Credential"));
    assert_eq!(outcome(v4.clone(), "x-amz-date"), missing("X-Amz-Date"));
    assert_eq!(outcome(v4.clone(), "x-amz-signature"), missing("X-Amz-Signature"));
    assert_eq!(outcome(v4, "policy"), missing("Policy"));
    let v2 = signed_v2(SECRET_KEY);
    assert_eq!(outcome(v2.clone(), "AWSAccessKeyId"), missing("AWSAccessKeyId"));
    assert_eq!(outcome(v2.clone(), "signature"), missing("Signature"));
    assert_eq!(outcome(v2.clone(), "policy"), missing("Policy"));
    for fields in [&[("key", "k")][..], &[("key", "k"), ("policy", &policy_about(&[]))]] {
        let anonymous = code(verify(("/bucket", &[]), &body(fields), NOW));
        assert_eq!(anonymous, Err(Code::AccessDenied));
    }
}

#[test]
fn one_claim_is_enough() {
    let both =
        changed(signed(NOW, &[]), NOW, |fields| fields.extend(signed_v2(SECRET_KEY).split_off(3)));
    assert_eq!(both, Err(Code::InvalidArgument));
    let token = [("x-amz-security-token", "t")];
    assert_eq!(changed(signed(NOW, &token), NOW, |_| {}), Err(Code::InvalidToken));
    let fields = signed(NOW, &[]);
    let fields: Vec<_> =
        fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let form = body(&fields);
    let authorization = [("authorization", "AWS4-HMAC-SHA256 Credential=a")];
    assert_eq!(code(verify(("/bucket", &authorization), &form, NOW)), Err(Code::InvalidArgument));
    for query in ["X-Amz-Signature=a", "X-Amz-Algorithm=a", "AWSAccessKeyId=a", "Signature=a"] {
        let path = format!("/bucket?{query}");
        assert_eq!(code(verify((&path, &[]), &form, NOW)), Err(Code::InvalidArgument), "{query}");
    }
}

#[test]
fn a_signature_is_for_its_day_region_and_service() {
    let scoped = |scope: &str| {
        changed(signed(NOW, &[]), NOW, |fields| {
            set(fields, "x-amz-credential", Some(&format!("{ACCESS_KEY}/{scope}")));
        })
    };
    for scope in [
        "20130525/us-east-1/s3/aws4_request",
        "20130524/eu-west-1/s3/aws4_request",
        "20130524/us-east-1/sts/aws4_request",
        "20130524/us-east-1/s3/aws5_request",
        "",
    ] {
        assert_eq!(scoped(scope), Err(Code::InvalidArgument), "{scope}");
    }
    for (name, value) in [("x-amz-algorithm", "AWS4-ECDSA-P256-SHA256"), ("x-amz-date", "20130524")]
    {
        let outcome = changed(signed(NOW, &[]), NOW, |fields| set(fields, name, Some(value)));
        assert_eq!(outcome, Err(Code::InvalidArgument), "{name}");
    }
    let days = |days: u64| after(Duration::from_secs(days * 24 * 3600));
    assert!(changed(signed(NOW, &[]), days(7), |_| {}).is_ok());
    assert_eq!(changed(signed(NOW, &[]), days(8), |_| {}), Err(Code::AccessDenied));
    let future = changed(signed(days(1), &[]), NOW, |_| {});
    assert_eq!(future, Err(Code::RequestTimeTooSkewed));
    // A policy of version 2 says by itself how long it is good for.
    assert!(changed(signed_v2(SECRET_KEY), days(8), |_| {}).is_ok());
}

#[test]
fn what_is_no_form_is_not_read_as_one() {
    let other = verify(("/bucket", &[("content-type", "text/html")]), b"", NOW);
    assert_eq!(code(other), Err(Code::PreconditionFailed));
    assert_eq!(code(verify(("/bucket", &[]), b"", NOW)), Err(Code::MalformedPOSTRequest));
    let cut = body(&[("key", "k")]);
    let cut = &cut[..cut.len() / 2];
    assert_eq!(code(verify(("/bucket", &[]), cut, NOW)), Err(Code::MalformedPOSTRequest));
    assert_eq!(
        changed(signed(NOW, &[]), NOW, |fields| set(fields, "x-amz-meta-a", Some("b"))),
        Err(Code::AccessDenied)
    );
}

/// The step that takes a head's claim takes no form's request, however it is signed.
#[test]
fn a_form_cannot_go_by_the_other_way() {
    for (query, code) in [("", Code::AccessDenied), ("?X-Amz-Signature=a", Code::InvalidArgument)] {
        let request = request(head("POST", &format!("/bucket{query}"), &[]), b"");
        let refused = Routed::of(request, None)
            .and_then(|routed| Verified::check(routed, &credentials(), &Rc::from(REGION), NOW));
        assert_eq!(refused.err().expect("refused").code(), code);
    }
}

/// Reads the form of each request, and answers with the refusal's status.
struct Reader(Core);

impl Service for Reader {
    async fn call(&self, request: Request) -> Response {
        let routed = Routed::of(request, None).expect("a form's request");
        let read = Posted::read(routed, &self.0, &Admission::default()).await;
        Response::new(read.err().map_or(200, |error| error.code().status()))
    }
}

/// It held its permit for as long as a body may be silent: twice the time of a form's head.
#[test]
fn a_form_that_falls_silent_is_given_up_in_time() {
    sim::run(1, |core| async move {
        let any = "127.0.0.1:0".parse().expect("an address");
        let listener = core.network().listen(any).expect("free");
        let address = listener.address();
        let reader = Rc::new(Reader(core.clone()));
        let serving = serve(core.clone(), listener, None, reader, Drain::new());
        let _serving = core.spawn(Queue::Requests, serving);
        let client = core.network().connect(address).await.expect("serves");
        let begun = format!(
            "POST /bucket HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\
             content-type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n--{BOUNDARY}"
        );
        client.send(Bytes::from(begun)).await.expect("sent");
        let patience = FORM_HEAD_TIMEOUT + Duration::from_secs(5);
        let answered = core.clock().timeout(patience, client.receive()).await;
        let answer = answered.expect("in time").expect("no reset").expect("an answer");
        assert!(answer.starts_with(b"HTTP/1.1 400 "));
    });
}
