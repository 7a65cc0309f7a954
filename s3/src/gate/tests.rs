//! Facts about the gate: who gets through and who does not, with aws-sigv4 as the other side.

mod forms;

use super::{Operation, ROUTES, Routed, Verified};
use crate::credentials::Credentials;
use crate::error::Code;
use crate::percent;
use crate::sigv4::{Payload, UNSIGNED_PAYLOAD, sha256_hex};
use crate::testing::{ACCESS_KEY, How, NOW, REGION, SECRET_KEY, head, request, signed, target_for};
use hamster_core::WallTime;
use hamster_net::http::Head;
use proptest::prelude::*;
use std::rc::Rc;
use std::time::Duration;

/// What a payload mode says in place of the body's hash.
const PAYLOADS: [&str; 5] = [
    UNSIGNED_PAYLOAD,
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
];

fn verify_at(head: Head, now: WallTime) -> Result<Verified, Code> {
    let credentials = Credentials::new(Some((ACCESS_KEY, SECRET_KEY)), None).expect("good");
    Routed::of(request(head, b""), None)
        .and_then(|routed| Verified::check(routed, &credentials, &Rc::from(REGION), now))
        .map_err(|error| error.code())
}

fn verify(head: Head) -> Result<(), Code> {
    verify_at(head, NOW).map(drop)
}

/// The head of a request that aws-sigv4 signed; `change` may still touch target and headers.
fn signed_head(
    how: How,
    secret: &str,
    (method, target): (&str, &str),
    headers: &[(&str, &str)],
    payload: &str,
    change: impl FnOnce(&mut String, &mut Vec<(String, String)>),
) -> Head {
    let (mut target, mut headers) = signed(how, secret, (method, target), headers, payload);
    change(&mut target, &mut headers);
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    head(method, &target, &headers)
}

fn untouched(_: &mut String, _: &mut Vec<(String, String)>) {}

fn after(duration: Duration) -> WallTime {
    WallTime::from_nanos(NOW.nanos() + u64::try_from(duration.as_nanos()).expect("days"))
}

#[test]
fn the_documented_request_is_accepted() {
    let headers = [
        ("host", "examplebucket.s3.amazonaws.com"),
        ("range", "bytes=0-9"),
        ("x-amz-content-sha256", PAYLOADS[1]),
        ("x-amz-date", "20130524T000000Z"),
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
             SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,\
             Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
    ];
    assert_eq!(verify(head("GET", "/test.txt", &headers)), Ok(()));
}

#[test]
fn the_documented_presigned_url_is_accepted() {
    let target = "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
        &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
        &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
        &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
    let headers = [("host", "examplebucket.s3.amazonaws.com")];
    assert_eq!(verify(head("GET", target, &headers)), Ok(()));
}

/// Every operation, every payload mode, every way to sign. (PostObject is signed in its form: `forms`.)
#[test]
fn nothing_passes_without_the_right_signature() {
    let mut refused = 0;
    let by_head = || ROUTES.iter().filter(|route| route.operation != Operation::PostObject);
    for route in by_head() {
        let line = (route.method.as_str(), &*target_for(route));
        let headers: Vec<_> = route.header.iter().map(|name| (*name, "bucket/key")).collect();
        let anonymous = head(line.0, line.1, &headers);
        assert_eq!(verify(anonymous), Err(Code::AccessDenied), "{route:?}");
        refused += 1;
        for payload in PAYLOADS {
            for how in [How::Header, How::Presigned(60)] {
                // A presigned URL's payload is unsigned unless a header says otherwise.
                let good = signed_head(how, SECRET_KEY, line, &headers, payload, untouched);
                if how == How::Header || payload == UNSIGNED_PAYLOAD {
                    assert_eq!(verify(good), Ok(()), "{route:?} {how:?} {payload}");
                }
                let wrong = signed_head(how, "another secret", line, &headers, payload, untouched);
                let wrong = verify(wrong);
                assert_eq!(wrong, Err(Code::SignatureDoesNotMatch), "{route:?} {how:?} {payload}");
                refused += 1;
            }
            let both =
                signed_head(How::Header, SECRET_KEY, line, &headers, payload, |target, _| {
                    target.push_str(if target.contains('?') { "&" } else { "?" });
                    target.push_str("X-Amz-Signature=abc");
                });
            assert_eq!(verify(both), Err(Code::InvalidArgument), "{route:?} {payload}");
            refused += 1;
        }
    }
    assert_eq!(refused, by_head().count() * (1 + PAYLOADS.len() * 3));
}

#[test]
fn an_unknown_key_is_refused() {
    let good = ("GET", "/b/k");
    let other = signed_head(How::Header, SECRET_KEY, good, &[], UNSIGNED_PAYLOAD, |_, headers| {
        for (_, value) in headers {
            *value = value.replace(ACCESS_KEY, "AKIDUNKNOWN");
        }
    });
    assert_eq!(verify(other), Err(Code::InvalidAccessKeyId));
}

#[test]
fn a_header_added_to_a_presigned_url_is_refused() {
    let line = ("PUT", "/b/k");
    for name in ["x-amz-copy-source", "x-amz-acl", "x-amz-meta-a", "X-Amz-Tagging"] {
        for how in [How::Presigned(60), How::Header] {
            let added = signed_head(how, SECRET_KEY, line, &[], UNSIGNED_PAYLOAD, |_, headers| {
                headers.push((name.to_owned(), "other/secret".to_owned()));
            });
            assert_eq!(verify(added), Err(Code::AccessDenied), "{name} {how:?}");
        }
        let own = signed_head(
            How::Presigned(60),
            SECRET_KEY,
            line,
            &[(name, "other/secret")],
            UNSIGNED_PAYLOAD,
            untouched,
        );
        assert_eq!(verify(own), Ok(()), "{name}");
    }
}

#[test]
fn an_edited_presigned_url_is_refused() {
    let line = ("GET", "/b/k?versionId=null");
    for (from, to) in [("/b/k", "/b/l"), ("versionId=null", "versionId=x"), ("=60", "=6000")] {
        let edited = |target: &mut String, _: &mut Vec<(String, String)>| {
            *target = target.replace(from, to);
        };
        let head = signed_head(How::Presigned(60), SECRET_KEY, line, &[], UNSIGNED_PAYLOAD, edited);
        assert_eq!(verify(head), Err(Code::SignatureDoesNotMatch), "{to}");
    }
}

#[test]
fn signatures_are_good_for_their_time_only() {
    let at = |how, now| {
        let line = ("GET", "/b/k");
        let head = signed_head(how, SECRET_KEY, line, &[], UNSIGNED_PAYLOAD, untouched);
        verify_at(head, now).map(drop)
    };
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let before = |duration: Duration| WallTime::from_secs(NOW.secs() - duration.as_secs());
    assert_eq!(at(How::Header, after(minutes(15))), Ok(()));
    assert_eq!(at(How::Header, before(minutes(15))), Ok(()));
    assert_eq!(at(How::Header, after(minutes(16))), Err(Code::RequestTimeTooSkewed));
    assert_eq!(at(How::Header, before(minutes(16))), Err(Code::RequestTimeTooSkewed));
    assert_eq!(at(How::Presigned(3600), after(minutes(60))), Ok(()));
    assert_eq!(at(How::Presigned(3600), after(minutes(61))), Err(Code::AccessDenied));
    assert_eq!(at(How::Presigned(3600), before(minutes(16))), Err(Code::RequestTimeTooSkewed));
    let week = 7 * 24 * 3600;
    assert_eq!(at(How::Presigned(week), NOW), Ok(()));
    let longer = at(How::Presigned(week + 1), NOW);
    assert_eq!(longer, Err(Code::AuthorizationQueryParametersError));
}

#[test]
fn malformed_claims_are_refused() {
    let with = |authorization: &str| {
        verify(head(
            "GET",
            "/b/k",
            &[
                ("x-amz-date", "20130524T000000Z"),
                ("x-amz-content-sha256", UNSIGNED_PAYLOAD),
                ("authorization", authorization),
            ],
        ))
    };
    let claim = |scope: &str, signed: &str| {
        with(&format!(
            "AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{scope}, SignedHeaders={signed}, Signature=00"
        ))
    };
    let all = "host;x-amz-content-sha256;x-amz-date";
    let malformed = Err(Code::AuthorizationHeaderMalformed);
    assert_eq!(claim("20130524/us-east-1/s3/aws4_request", all), Err(Code::SignatureDoesNotMatch));
    assert_eq!(claim("20130525/us-east-1/s3/aws4_request", all), malformed);
    assert_eq!(claim("20130524/eu-west-1/s3/aws4_request", all), malformed);
    assert_eq!(claim("20130524/us-east-1/sts/aws4_request", all), malformed);
    assert_eq!(claim("20130524/us-east-1/s3/aws5_request", all), malformed);
    let no_host = "x-amz-content-sha256;x-amz-date";
    assert_eq!(claim("20130524/us-east-1/s3/aws4_request", no_host), Err(Code::AccessDenied));
    assert_eq!(with("AWS4-HMAC-SHA256 nonsense"), malformed);
    assert_eq!(with("AWS AKID:signature"), Err(Code::InvalidRequest));
}

#[test]
fn a_url_presigned_by_version_2_is_told_which_version_to_use() {
    let target = "/b/k?AWSAccessKeyId=AKID&Expires=1369353700&Signature=vjbyPxybdZaNmGa%2ByT272Yea";
    let credentials = Credentials::new(Some((ACCESS_KEY, SECRET_KEY)), None).expect("good");
    let refused = Routed::of(request(head("GET", target, &[]), b""), None)
        .and_then(|routed| Verified::check(routed, &credentials, &Rc::from(REGION), NOW))
        .err()
        .expect("refused");
    assert_eq!(refused.code(), Code::InvalidRequest);
    assert!(refused.message().contains("Please use AWS4-HMAC-SHA256"), "{refused}");
}

#[test]
fn the_payload_mode_is_what_was_signed() {
    for (payload, chunked) in PAYLOADS.into_iter().zip([false, false, true, true, true]) {
        let line = ("PUT", "/b/k");
        let head = signed_head(How::Header, SECRET_KEY, line, &[], payload, untouched);
        let verified = verify_at(head, NOW).expect("good");
        assert_eq!(matches!(verified.payload, Payload::Chunked { .. }), chunked, "{payload}");
    }
    let nonsense = signed_head(How::Header, SECRET_KEY, ("PUT", "/b/k"), &[], "abc", untouched);
    assert_eq!(verify(nonsense), Err(Code::InvalidArgument));
}

/// Percent-encodes every byte that a client would.
fn encoded(text: &str) -> String {
    let mut out = Vec::new();
    percent::encode(&mut out, text.as_bytes());
    String::from_utf8(out).expect("ASCII")
}

fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    // Why the prefix: a name of the route table would make it another operation.
    prop::collection::vec(("z\\PC{0,8}", "\\PC{0,12}"), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// aws-sigv4 and we canonicalise alike, whatever the key, the query and the headers.
    #[test]
    fn an_independent_signer_agrees(
        key in prop::collection::vec("\\PC{1,10}", 1..4),
        pairs in pairs(),
        meta in prop::collection::vec("[ -~]{0,20}", 0..3),
        presign in any::<bool>(),
        flip in any::<bool>(),
    ) {
        let path: Vec<_> = key.iter().map(|segment| encoded(segment)).collect();
        let query: Vec<_> = pairs
            .iter()
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
            .collect();
        let mut target = format!("/bucket/{}", path.join("/"));
        if !query.is_empty() {
            target = format!("{target}?{}", query.join("&"));
        }
        let names: Vec<_> = (0..meta.len()).map(|index| format!("x-amz-meta-{index}")).collect();
        let headers: Vec<_> =
            names.iter().zip(&meta).map(|(name, value)| (name.as_str(), value.trim())).collect();
        let how = if presign { How::Presigned(60) } else { How::Header };
        let payload = String::from_utf8_lossy(&sha256_hex(b"body")).into_owned();
        let payload = if presign { UNSIGNED_PAYLOAD.to_owned() } else { payload };
        // Why: a bare name that no row knows is no write.
        let bare = pairs.iter().any(|(_, value)| value.is_empty());
        let line = (if bare { "GET" } else { "PUT" }, target.as_str());
        let head = signed_head(how, SECRET_KEY, line, &headers, &payload, |target, _| {
            if flip {
                *target = target.replacen("/bucket/", "/bucket/x", 1);
            }
        });
        let expected = if flip { Err(Code::SignatureDoesNotMatch) } else { Ok(()) };
        prop_assert_eq!(verify(head), expected, "{}", target);
    }
}
