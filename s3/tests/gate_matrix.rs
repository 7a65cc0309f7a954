//! The gate as a matrix, made from the route table: every operation, in every payload mode, with every
//! kind of claim that is wrong. All are refused with the right code, and nothing changes.

mod stage;

use hamster_core::WallTime;
use hamster_net::http::Method;
use hamster_s3::gate::{Operation, ROUTES, Route};
use md5::{Digest, Md5};
use stage::form::{CONTENT_TYPE, Form, Version};
use stage::sign::{Place, Signing};
use stage::{Client, ROOT, on_stage};
use std::io::Write as _;

const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// What may stand for a payload's hash; the second one is that of nothing.
const PAYLOADS: [&str; 5] = [
    UNSIGNED,
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
];

/// What is wrong with a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wrong {
    Secret,
    Key,
    Expired,
    UnsignedHeader,
    Version2,
    Edited,
}

const WRONGS: [Wrong; 6] = [
    Wrong::Secret,
    Wrong::Key,
    Wrong::Expired,
    Wrong::UnsignedHeader,
    Wrong::Version2,
    Wrong::Edited,
];

/// A request that must be refused.
struct Case {
    what: String,
    method: &'static str,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    refusal: (u16, &'static str),
}

/// One operation on things that are there, before anyone has signed it.
struct Plain {
    method: &'static str,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

const DELETE: &str = "<Delete><Object><Key>key</Key></Object></Delete>";

impl Plain {
    fn of(route: &Route, upload: &str, payload: &str) -> Self {
        let method = route.method.as_str();
        let mut headers = vec![];
        headers.extend(route.header.map(|name| (name.to_owned(), "bucket/key".to_owned())));
        let body = match (route.operation, route.method) {
            (Operation::DeleteObjects, _) => DELETE.to_owned(),
            (Operation::CompleteMultipartUpload, _) => {
                "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>\
                 <ETag>\"5d41402abc4b2a76b9719d911017c592\"</ETag></Part></CompleteMultipartUpload>"
                    .to_owned()
            }
            (Operation::CreateBucket, _) | (_, Method::Get | Method::Head | Method::Delete) => {
                String::new()
            }
            _ => "intruder".to_owned(),
        };
        if route.operation == Operation::DeleteObjects {
            use base64::Engine;
            let md5 = base64::prelude::BASE64_STANDARD.encode(Md5::digest(&body));
            headers.push(("content-md5".to_owned(), md5));
        }
        if route.operation == Operation::GetObjectAttributes {
            headers.push(("x-amz-object-attributes".to_owned(), "ETag".to_owned()));
        }
        let mut body = body.into_bytes();
        if payload.starts_with("STREAMING") {
            headers.push(("content-encoding".to_owned(), "aws-chunked".to_owned()));
            let length = body.len().to_string();
            headers.push(("x-amz-decoded-content-length".to_owned(), length));
            body = chunked(&body, payload);
        }
        Self { method, target: target(route, upload), headers, body }
    }

    fn headers(&self) -> Vec<(&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    fn case(self, what: String, refusal: (u16, &'static str)) -> Case {
        let Self { method, target, headers, body } = self;
        Case { what, method, target, headers, body, refusal }
    }
}

/// In the aws-chunked coding; no chunk's signature is right.
fn chunked(body: &[u8], payload: &str) -> Vec<u8> {
    let signature = match payload.contains("AWS4-HMAC-SHA256") {
        true => format!(";chunk-signature={}", "0".repeat(64)),
        false => String::new(),
    };
    let mut out = Vec::new();
    if !body.is_empty() {
        out.extend(format!("{:x}{signature}\r\n", body.len()).into_bytes());
        out.extend(body);
        out.extend(b"\r\n");
    }
    out.extend(format!("0{signature}\r\n\r\n").into_bytes());
    out
}

fn target(route: &Route, upload: &str) -> String {
    let path = match format!("{:?}", route.shape).as_str() {
        "Service" => "/",
        "Bucket" => "/bucket",
        _ => "/bucket/key",
    };
    let value = |name: &str| match name {
        "uploadId" => upload.to_owned(),
        "partNumber" => "1".to_owned(),
        "list-type" => "2".to_owned(),
        _ => String::new(),
    };
    let query: Vec<_> = route.query.iter().map(|name| format!("{name}={}", value(name))).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

/// Signs `plain` in a way that is wrong.
fn wrongly(
    mut plain: Plain,
    wrong: Wrong,
    place: Place,
    payload: &str,
    now: WallTime,
) -> (Plain, (u16, &'static str)) {
    let mut signing = Signing { user: ROOT, at: now, place, payload };
    if place == Place::Query {
        plain.headers.push(("x-amz-content-sha256".to_owned(), payload.to_owned()));
    }
    let earlier = |seconds| WallTime::from_secs(now.secs() - seconds);
    let refusal = match wrong {
        Wrong::Secret => {
            signing.user.1 = "another secret";
            (403, "SignatureDoesNotMatch")
        }
        Wrong::Key => {
            signing.user.0 = "AKIDNOBODY";
            (403, "InvalidAccessKeyId")
        }
        Wrong::Expired => {
            signing.at = earlier(16 * 60);
            (403, if place == Place::Header { "RequestTimeTooSkewed" } else { "AccessDenied" })
        }
        Wrong::UnsignedHeader => (403, "AccessDenied"),
        Wrong::Edited => (403, "SignatureDoesNotMatch"),
        Wrong::Version2 => (400, "InvalidRequest"),
    };
    if wrong == Wrong::Version2 {
        let signature = "vjbyPxybdZaNmGa%2ByT272YEAiv4%3D";
        match place {
            Place::Header => {
                let value = format!("AWS {}:{signature}", ROOT.0);
                plain.headers.push(("authorization".to_owned(), value));
            }
            Place::Query => {
                let joint = if plain.target.contains('?') { '&' } else { '?' };
                let (key, expires) = (ROOT.0, now.secs() + 60);
                plain.target.push_str(&format!(
                    "{joint}AWSAccessKeyId={key}&Expires={expires}&Signature={signature}"
                ));
            }
        }
        return (plain, refusal);
    }
    let (target, headers) = signing.sign(plain.method, &plain.target, &plain.headers());
    (plain.target, plain.headers) = (target, headers);
    match wrong {
        Wrong::UnsignedHeader => {
            plain.headers.push(("x-amz-meta-added".to_owned(), "later".to_owned()));
        }
        Wrong::Edited => {
            let joint = if plain.target.contains('?') { '&' } else { '?' };
            plain.target.push_str(&format!("{joint}prefix=a"));
        }
        _ => {}
    }
    (plain, refusal)
}

/// The cases of an operation whose claim is in the head.
fn by_head(route: &Route, upload: &str, now: WallTime, cases: &mut Vec<Case>) {
    let name = route.operation.name();
    for payload in PAYLOADS {
        let plain = || Plain::of(route, upload, payload);
        let denied = (403, "AccessDenied");
        cases.push(plain().case(format!("{name} {payload} unsigned"), denied));
        for place in [Place::Header, Place::Query] {
            for wrong in WRONGS {
                let (plain, refusal) = wrongly(plain(), wrong, place, payload, now);
                cases.push(plain.case(format!("{name} {payload} {place:?} {wrong:?}"), refusal));
            }
        }
        // Both are right.
        let mut both = plain();
        let query = Signing { user: ROOT, at: now, place: Place::Query, payload };
        both.target = query.sign(both.method, &both.target, &both.headers()).0;
        let header = Signing { place: Place::Header, ..query };
        both.headers = header.sign(both.method, &both.target, &both.headers()).1;
        cases.push(both.case(format!("{name} {payload} twice"), (400, "InvalidArgument")));
        // A form, rightly signed, where none is expected; and beside a wrong header.
        let (header, refusal) = wrongly(plain(), Wrong::Secret, Place::Header, payload, now);
        for (what, mut plain, refusal) in
            [("form", plain(), denied), ("form and header", header, refusal)]
        {
            plain.headers.push(("content-type".to_owned(), CONTENT_TYPE.to_owned()));
            plain.body = signed_form(ROOT, now, Version::V4).body(b"intruder");
            cases.push(plain.case(format!("{name} {payload} {what}"), refusal));
        }
    }
}

/// A form that writes over `key`.
fn signed_form(user: (&str, &str), now: WallTime, version: Version) -> Form {
    let conditions = "{\"bucket\": \"bucket\"}, {\"key\": \"key\"}";
    Form::of(&[("key", "key")]).sign(version, user, now, conditions)
}

/// The cases of PostObject, whose claim is in its form.
fn by_form(route: &Route, now: WallTime, cases: &mut Vec<Case>) {
    let form = |what: String, form: &Form, refusal| Case {
        what: format!("PostObject {what}"),
        method: "POST",
        target: "/bucket".to_owned(),
        headers: vec![("content-type".to_owned(), CONTENT_TYPE.to_owned())],
        body: form.body(b"intruder"),
        refusal,
    };
    let unsigned = Form::of(&[("key", "key")]);
    cases.push(form("unsigned".to_owned(), &unsigned, (403, "AccessDenied")));
    for version in [Version::V2, Version::V4] {
        for wrong in WRONGS {
            let earlier = WallTime::from_secs(now.secs() - 2 * 3600);
            let right = || signed_form(ROOT, now, version);
            let (wrongly, refusal) = match wrong {
                Wrong::Secret => {
                    let form = signed_form((ROOT.0, "another secret"), now, version);
                    (form, (403, "SignatureDoesNotMatch"))
                }
                Wrong::Key => {
                    let form = signed_form(("AKIDNOBODY", ROOT.1), now, version);
                    (form, (403, "InvalidAccessKeyId"))
                }
                Wrong::Expired => (signed_form(ROOT, earlier, version), (403, "AccessDenied")),
                Wrong::UnsignedHeader => {
                    let mut form = right();
                    form.fields.push(("x-amz-meta-added".to_owned(), "later".to_owned()));
                    (form, (403, "AccessDenied"))
                }
                Wrong::Edited => {
                    let mut form = right();
                    form.fields[0].1 = "another".to_owned();
                    (form, (403, "AccessDenied"))
                }
                // Of the other version as well.
                Wrong::Version2 => {
                    let mut form = right();
                    let name = if version == Version::V2 { "x-amz-signature" } else { "signature" };
                    form.fields.push((name.to_owned(), "0".repeat(64)));
                    (form, (400, "InvalidArgument"))
                }
            };
            cases.push(form(format!("{version:?} {wrong:?}"), &wrongly, refusal));
        }
        // Right, and beside it a claim in the head, right or wrong; and that claim alone.
        for payload in PAYLOADS {
            for place in [Place::Header, Place::Query] {
                for secret in [ROOT.1, "another secret"] {
                    let signing = Signing { user: (ROOT.0, secret), at: now, place, payload };
                    let own = [("content-type", CONTENT_TYPE)];
                    let (target, headers) = signing.sign("POST", "/bucket", &own);
                    for (what, sent) in
                        [("both", &signed_form(ROOT, now, version)), ("head", &unsigned)]
                    {
                        let what = format!("{version:?} {payload} {place:?} {what}");
                        let mut case = form(what, sent, (400, "InvalidArgument"));
                        (case.target, case.headers) = (target.clone(), headers.clone());
                        cases.push(case);
                    }
                }
            }
        }
    }
    assert_eq!(target(route, ""), "/bucket");
}

/// Requests rightly signed over a body that is another one.
fn by_body(route: &Route, upload: &str, now: WallTime, cases: &mut Vec<Case>) {
    for (payload, refusal) in [
        (PAYLOADS[1], (400, "XAmzContentSHA256Mismatch")),
        (PAYLOADS[2], (403, "SignatureDoesNotMatch")),
        (PAYLOADS[3], (403, "SignatureDoesNotMatch")),
    ] {
        let mut plain = Plain::of(route, upload, payload);
        let signing = Signing { user: ROOT, at: now, place: Place::Header, payload };
        plain.headers = signing.sign(plain.method, &plain.target, &plain.headers()).1;
        cases.push(
            plain.case(format!("{} {payload} another body", route.operation.name()), refusal),
        );
    }
}

/// Everything that can be read: status, headers that say something, body.
async fn state(client: &mut Client, upload: &str) -> Vec<String> {
    let mut state = Vec::new();
    for route in ROUTES.iter().filter(|route| route.built && route.method == Method::Get) {
        let answer = client.get(&target(route, upload)).await;
        let headers = answer
            .headers
            .iter()
            .filter(|(name, _)| !["date", "x-amz-request-id"].contains(&name.as_str()));
        let headers: Vec<_> = headers.map(|(name, value)| format!("{name}: {value}")).collect();
        let body = match answer.status {
            200 => answer.text().to_owned(),
            _ => answer.refusal().1.to_owned(),
        };
        let name = route.operation.name();
        state.push(format!("{name} {} {} {body}", answer.status, headers.join(", ")));
    }
    let parts = format!("/bucket/key?uploadId={upload}");
    assert!(client.get(&parts).await.text().contains("5d41402abc4b2a76b9719d911017c592"));
    state
}

#[test]
fn nothing_wrong_passes_and_nothing_changes() {
    on_stage(21, 1, 1, |stage| async move {
        let mut client = stage.root().await;
        assert_eq!(client.put("/bucket", b"").await.status, 200);
        assert_eq!(client.put("/bucket/key", b"treasure").await.status, 200);
        let begun = client.send("POST", "/bucket/key?uploads", &[], b"").await;
        let upload = begun.elements("UploadId")[0].to_owned();
        let part = format!("/bucket/key?partNumber=1&uploadId={upload}");
        assert_eq!(client.put(&part, b"hello").await.status, 200);

        let before = state(&mut client, &upload).await;
        let now = client.now();
        let mut cases = Vec::new();
        for route in ROUTES {
            match route.operation {
                Operation::PostObject => by_form(route, now, &mut cases),
                // Nobody signs these; without an origin they ask for nothing.
                Operation::CorsPreflightBucket | Operation::CorsPreflightObject => {
                    let plain = Plain::of(route, &upload, UNSIGNED);
                    cases.push(plain.case(route.operation.name().to_owned(), (400, "BadRequest")));
                }
                _ => by_head(route, &upload, now, &mut cases),
            }
            if matches!(
                route.operation,
                Operation::PutObject
                    | Operation::UploadPart
                    | Operation::DeleteObjects
                    | Operation::CompleteMultipartUpload
            ) {
                by_body(route, &upload, now, &mut cases);
            }
        }
        let count = cases.len();
        for Case { what, method, target, headers, body, refusal } in cases {
            let headers: Vec<_> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let answer = client.send_as_is(method, &target, &headers, &body).await;
            match method {
                "HEAD" => assert_eq!(answer.status, refusal.0, "{what}"),
                _ => assert_eq!(answer.refusal(), refusal, "{what}"),
            }
        }
        assert_eq!(state(&mut client, &upload).await, before);
        let passed = what_is_right_passes(&mut client, &upload).await;
        // Shown also where a test's output is not.
        let _ = writeln!(
            std::io::stderr(),
            "gate matrix: {count} wrong requests for {} operations refused, nothing changed; {passed} \
             right ones passed",
            ROUTES.len()
        );
    });
}

/// The same requests rightly signed are refused for their signatures no more: the matrix attacks what is
/// there. How many they are.
async fn what_is_right_passes(client: &mut Client, upload: &str) -> usize {
    let gate = ["AccessDenied", "SignatureDoesNotMatch", "InvalidAccessKeyId", "InvalidArgument"];
    let now = client.now();
    let mut count = 0;
    for route in ROUTES {
        if route.operation == Operation::PostObject {
            for version in [Version::V2, Version::V4] {
                let form = signed_form(ROOT, now, version);
                assert_eq!(client.post("/bucket", &form, b"mine").await.status, 204);
                count += 1;
            }
            continue;
        }
        for place in [Place::Header, Place::Query] {
            let Plain { method, target, body, headers } = Plain::of(route, upload, UNSIGNED);
            let own: Vec<_> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let signing = Signing { user: ROOT, at: now, place, payload: UNSIGNED };
            let (target, headers) = signing.sign(method, &target, &own);
            let headers: Vec<_> =
                headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let answer = client.send_as_is(method, &target, &headers, &body).await;
            let refused = method != "HEAD" && gate.contains(&answer.refusal().1);
            assert!(!refused && answer.status != 403, "{}: {answer:?}", route.operation.name());
            count += 1;
        }
    }
    count
}
